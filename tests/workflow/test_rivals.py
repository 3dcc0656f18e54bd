"""Plain networks in the workflow: planned for the report unless told otherwise, and trained."""

import h5py
import numpy as np

from erde_core.store.tables import read_table
from tests.workflow.conftest import TINY


def test_the_report_plans_them_unless_told_otherwise(checkout):
    checkout.write_experiment("tiny", TINY)
    assert checkout.plan("results/tiny_report.html")["rival"] == 7
    assert "rival" not in checkout.plan("results/tiny_report.html", "--config", "rivals=False")
    assert "rival" not in checkout.plan("results/tiny_pareto.png")


def test_one_is_trained(finished):
    target = "results/tiny/rivals/narrow0/seed0/exit_logits.h5"
    finished.snakemake("--cores", "2", target)
    beside = finished.root / "results/tiny/ce/seed0/exit_logits.h5"
    with h5py.File(finished.root / target) as rival, h5py.File(beside) as student:
        assert np.array_equal(rival["test/labels"], student["test/labels"])
        assert rival["macs"][-1] < student["macs"][1]


def test_it_learns_by_the_experiments_kd_and_hears_nothing_of_erde(finished):
    target = "results/tiny/rivals/narrow0/seed0/exit_logits.h5"
    finished.snakemake("--cores", "2", target)
    try:
        for keys in ({"temperature": 2}, {"train": {"epochs": 1}}):
            for label, planned in {"erde": {}, "kd": {"rival": 1, "exit_logits": 1}}.items():
                variants = TINY["variants"] | {label: {"method": label} | keys}
                finished.write_experiment("tiny", TINY | {"variants": variants})
                assert finished.plan(target) == planned
    finally:
        finished.write_experiment("tiny", TINY)


def test_no_variant_needs_to_be_as_cheap_as_they_are(checkout):
    """The envelope and the report ask what they cost, whether or not a variant can pay for one."""
    network = TINY["student"]["network"]
    keys = TINY | {
        "teacher": TINY["teacher"] | {"network": {"name": "resnet18", "width": 0.25}},
        "student": TINY["student"] | {"network": network | {"exits": [2]}},
        "variants": {"dear": {"method": "kd", "network": {"name": "resnet10", "width": 0.125}}},
    }
    keys["variants"]["dear"]["network"] |= {"exits": [2]}
    checkout.write_experiment("dear", keys)
    checkout.snakemake("--cores", "2", "results/dear_report.html", "--config", "latency=false")
    results = checkout.root / "results/dear"
    assert (results / "rivals.csv").read_text().count("\n") == 1
    rows = [row for row in read_table(results / "envelope.csv") if row["way"] == "plain"]
    assert [row["trials"] for row in rows if row["teacher_share"] == "1/5"] == ["3"]
    assert (
        "no variant leaves as cheaply" in (checkout.root / "results/dear_report.html").read_text()
    )
