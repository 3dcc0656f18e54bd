"""Two experiments with other networks than ResNets, as a user would run them: to the picture."""

import pytest

from erde.evaluation.tables import ENVELOPE, PARETO
from tests.workflow.conftest import TINY, checkout  # noqa: F401 -- a fixture

PLAIN = {"name": "wrn16_1", "width": 0.125, "exits": []}
EXPERIMENTS = {
    "wide": {
        "student": {"name": "wrn16_1", "width": 0.25},
        "cascade": [PLAIN, {"name": "shufflenetv2", "width": 0.25, "exits": [0], "head": "conv"}],
    },
    "mobile": {
        "student": {"name": "timm/mobilenetv3_small_050", "exits": [0]},
        "cascade": [PLAIN, {"name": "mobilenetv2", "width": 0.25, "exits": []}],
    },
}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_from_the_experiment_file_to_picture_and_deployment(name, checkout):  # noqa: F811
    if name == "mobile":
        pytest.importorskip("timm")
    networks, train = EXPERIMENTS[name], TINY["student"]["train"]
    cascade = {"method": "kd", "network": {"cascade": networks["cascade"]}}
    student = {"network": networks["student"], "train": train}
    variants = {"ce": {"method": "ce"}, "cascade": cascade}
    checkout.write_experiment(name, TINY | {"student": student, "variants": variants})
    shipped = [f"results/{name}/deploy/{variant}-seed0" for variant in variants]
    targets = f"results/{name}_pareto.png", f"results/{name}_report.html", *shipped
    options = "--config", "rivals=false", "latency=false"
    checkout.snakemake("--cores", "2", *targets, *options)
    results = checkout.root / "results" / name
    assert {row["variant"] for row in PARETO.read(results / "pareto.csv")} == set(variants)
    # Which ways can pay depends on the teacher, which is tiny here; each has its row.
    ways = {row["way"] for row in ENVELOPE.read(results / "envelope.csv")}
    assert ways == {"plain", "early exit", "cascade", "mixture"}
    for variant, path in zip(variants, shipped, strict=True):
        log = (results / f"logs/deploy/{variant}-seed0.log").read_text(encoding="utf-8")
        assert log.count("0 of 12000 decisions differ") == 3
        assert (checkout.root / path / "single.onnx").is_file()
