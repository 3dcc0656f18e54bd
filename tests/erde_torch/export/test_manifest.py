"""The manifest holds what a user needs to choose an operating point."""

import json
import math

import numpy as np
import pytest

from erde_core.policy import exit_indices
from erde_core.scores.scored_logits import score_logits
from erde_core.softmax import entropy
from erde_core.store.exit_logits import ExitLogits, SplitLogits
from erde_torch.export import curves as curves_module
from erde_torch.export.manifest import deployment_manifest
from tests.erde_torch.deployable import card_of, exit_logits


@pytest.fixture
def manifest(deployable):
    return deployment_manifest(card_of(deployable), exit_logits(deployable), 10**6, "tests", "x")


def test_identity_and_input(manifest, deployable):
    assert manifest["shape"] == [16, 16, 3]
    assert manifest["class_names"][7] == "class 7"
    assert manifest["largest_theta"] == 2 * math.log(10)
    assert manifest["macs"] == deployable.macs.tolist()
    assert manifest["teacher_macs"] == 10**6
    assert {"numpy", "torch", "onnxruntime", "python"} <= set(manifest["versions"])
    assert json.loads(json.dumps(manifest)) == manifest


def test_the_library_that_decided_the_pixels_is_named_where_there_is_one(manifest, deployable):
    assert "pillow" not in manifest["versions"]
    card, exits = card_of(deployable), exit_logits(deployable)
    for version in ("12.3.0", None):
        found = deployment_manifest(card, exits, 1, "tests", "x", "crop", {"pillow": version})
        assert found["versions"].get("pillow") == version
        assert found["versions"].keys() >= manifest["versions"].keys()


def test_every_point_of_the_curve_is_what_its_threshold_gives(manifest, deployable):
    split = exit_logits(deployable).val
    right = split.logits.argmax(2) == split.labels[:, None]
    for theta, accuracy, macs in manifest["curve"]:
        exits = exit_indices(entropy(split.logits), theta)
        assert accuracy == pytest.approx(right[np.arange(150), exits].mean())
        assert macs == pytest.approx(deployable.macs[exits].mean())


def test_one_threshold_per_exit_gives_what_its_row_says_and_is_no_worse_than_one(
    manifest, deployable
):
    split, rows = exit_logits(deployable).val, manifest["per_exit_curve"]
    scores, right = entropy(split.logits), split.logits.argmax(2) == split.labels[:, None]
    assert len(rows) > 5
    for thresholds, accuracy, macs in rows:
        exits = exit_indices(scores, thresholds)
        assert accuracy == pytest.approx(right[np.arange(150), exits].mean())
        assert macs == pytest.approx(deployable.macs[exits].mean())
    for budget in np.geomspace(deployable.macs[0], deployable.macs[-1], 24)[1:-1]:
        one, each = (
            max(row[1] for row in manifest[name] if row[2] <= budget)
            for name in ("curve", "per_exit_curve")
        )
        assert each >= one
    assert any(len(set(row[0])) > 1 for row in rows)


def test_the_curve_starts_with_the_full_network_and_ends_at_the_first_exit(manifest, deployable):
    theta, _, macs = manifest["curve"][0]
    assert (theta, macs) == (0, deployable.macs[-1])
    assert manifest["curve"][-1][2] == deployable.macs[0]


def test_the_curve_is_thinned_but_keeps_its_ends(deployable, monkeypatch):
    monkeypatch.setattr(curves_module, "CURVE_POINTS", 6)
    exits = exit_logits(deployable)
    curve = deployment_manifest(card_of(deployable), exits, 1, "tests", "x")["curve"]
    assert len(curve) <= 6
    assert curve[-1][2] == deployable.macs[0]


def test_too_few_images_certify_nothing(manifest):
    assert manifest["certified_theta"] is None
    assert manifest["certificate"] is None


def test_the_certificate_is_that_of_erde_core(deployable):
    logits = np.tile(deployable.split.logits, (4, 1, 1))
    split = SplitLogits(logits, logits[:, 1].argmax(1), np.arange(600))
    exits = ExitLogits(split, split, deployable.macs, "0" * 64, "0" * 64)
    exits = score_logits("entropy", exits)
    found = deployment_manifest(card_of(deployable), exits, 1, "tests", "x")
    assert found["certificate"]["units"] == 600
    assert 0 <= found["certified_theta"] <= found["largest_theta"]
