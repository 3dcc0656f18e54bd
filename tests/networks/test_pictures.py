"""An experiment with other networks than ResNets, as a user would run it: to the picture."""

import json

from safetensors import safe_open

from erde.evaluation.tables import ENVELOPE, HISTORY, PARETO
from erde_core.store.exit_logits import read_exit_logits
from erde_torch.networks.weights import read_network
from tests.erde_torch.networks.families.layer_shapes import macs_by_layer
from tests.workflow.conftest import TINY, checkout  # noqa: F401 -- a fixture

PLAIN = {"name": "wrn16_1", "width": 0.125, "exits": []}
TIMM = {"name": "timm/mobilenetv3_small_050", "exits": [0]}
WIDE = {"name": "wrn16_1", "width": 0.25}
CASCADES = {
    "conv_last": [PLAIN, {"name": "shufflenetv2", "width": 0.25, "exits": [0], "head": "conv"}],
    "plain_both": [PLAIN, {"name": "mobilenetv2", "width": 0.25, "exits": []}],
}
EXITS = {"ce": 2, "wide": 3, "conv_last": 1 + 2, "plain_both": 1 + 1}
SHIPPED = ("ce", *CASCADES)


def variants():
    """``ce`` trains the experiment's student, a model of timm; the others have their own."""
    cascades = {
        label: {"method": "kd", "network": {"cascade": members}}
        for label, members in CASCADES.items()
    }
    return {"ce": {"method": "ce"}, "wide": {"method": "kd", "network": WIDE}, **cascades}


def same_network(card, asked):
    """Whether a card describes the network that the experiment file asks for."""
    return {key: card[key] for key in asked} == asked


def check_trained(folder, asked):
    """It is the network of the file, it learnt, and it costs what another count says."""
    network, card = read_network(folder / "weights.safetensors")
    assert same_network(card.network, asked)
    exits = read_exit_logits(folder / "exit_logits.h5")
    assert exits.macs.tolist() == macs_by_layer(network, card.image_shape)
    losses = [row["train_loss"] for row in HISTORY.read(folder / "history.csv")]
    assert losses[-1] < losses[0]


def check_cascade(folder, asked):
    """Its members are those of the file, in order."""
    with safe_open(folder / "cascade.safetensors", "np") as file:
        members = json.loads(file.metadata()["card"])["network"]["cascade"]
    assert len(members) == len(asked)
    assert all(map(same_network, members, asked))


def test_from_the_experiment_file_to_picture_and_deployment(checkout):  # noqa: F811
    student = {"network": TIMM, "train": TINY["student"]["train"]}
    checkout.write_experiment("others", TINY | {"student": student, "variants": variants()})
    shipped = {label: f"results/others/deploy/{label}-seed0" for label in SHIPPED}
    targets = "results/others_pareto.png", "results/others_report.html", *shipped.values()
    options = "--config", "rivals=false", "latency=false"
    checkout.snakemake("--cores", "2", *targets, *options)
    results = checkout.root / "results/others"
    check_trained(results / "ce/seed0", TIMM)
    check_trained(results / "wide/seed0", WIDE)
    for label, members in CASCADES.items():
        check_cascade(results / label / "seed0", members)
    for label, count in EXITS.items():
        exits = read_exit_logits(results / label / "seed0/exit_logits.h5")
        assert exits.test.logits.shape == (600, count, 10)
    assert {row["variant"] for row in PARETO.read(results / "pareto.csv")} == set(EXITS)
    # Which ways can pay depends on the teacher, which is tiny here; each has its row.
    ways = {row["way"] for row in ENVELOPE.read(results / "envelope.csv")}
    assert ways == {"plain", "early exit", "cascade", "mixture"}
    for label, path in shipped.items():
        log = (results / f"logs/deploy/{label}-seed0.log").read_text(encoding="utf-8")
        assert log.count("0 of 12000 decisions differ") == 3
        assert (checkout.root / path / "single.onnx").is_file()
