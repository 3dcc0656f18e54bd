"""All that is shipped agrees with the exit logits; a wrong one is noticed."""

import numpy as np
import pytest

from erde.datasets.digits import make_digits
from erde.datasets.folder import read_folder
from erde.deployment.program import PROGRAM_FILES
from erde.deployment.runner import Runner, predictor
from erde_core.decisions import spread_thresholds, spread_thresholds_per_exit
from erde_core.images import Split
from erde_core.store.exit_logits import SplitLogits
from erde_torch.export import agreement
from erde_torch.export.agreement import deployment_agreement
from erde_torch.export.folder import write_deployment
from erde_torch.export.manifest import deployment_manifest
from tests.erde_torch.deployable import card_of, evaluated, exit_logits, random_network


def agreements(case, folder, logits, score=None, thresholds=None):
    zeros = np.zeros(len(case.pixels), np.int64)
    images, split = Split(case.pixels, zeros, zeros), SplitLogits(logits, zeros, zeros)
    card = card_of(case)
    found = deployment_agreement(
        case.network, card, predictor(folder), images, split, case.macs, score, thresholds
    )
    return dict(found)


def test_three_implementations_agree(deployable, exported):
    found = agreements(deployable, exported, deployable.split.logits)
    assert list(found) == ["staged PyTorch", "staged ONNX", "single ONNX"]
    for name, one in found.items():
        one.check(name)
        assert one.decisions == 150 * 20


def test_a_gate_travels_inside_the_networks(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (240, 16, 16, 3))
    case = evaluated(random_network(), pixels)
    exits = exit_logits(case, "gate")
    manifest = deployment_manifest(card_of(case), exits, 10**6, "tests", "x")
    write_deployment(tmp_path / "x", case.network, manifest, PROGRAM_FILES)
    assert (manifest["largest_theta"], manifest["curve_columns"][0]) == (1 + 1e-9, "theta")
    found = agreements(case, tmp_path / "x", case.split.logits, exits.score)
    for name, one in found.items():
        one.check(name)
    runner = Runner(tmp_path / "x")
    first = exits.score.values(case.split.logits)[:, 0]
    for count in (1, 240):
        logits, taken, unsure = runner.scored(case.pixels[:count], 0.1)
        assert unsure == pytest.approx(first[:count], rel=1e-3)
        assert ((taken == 0) == (unsure < 0.1)).all()
        assert np.array_equal(runner.logits(case.pixels[:count], 0.1)[0], logits)
    with pytest.raises(ValueError, match=r"0 … 1\.0000, got 1.5"):
        runner.predict(case.pixels, 1.5)


def test_other_logits_are_noticed(deployable, exported):
    for name, one in agreements(deployable, exported, deployable.split.logits[::-1]).items():
        with pytest.raises(ValueError, match=f"{name} must decide as the exit logits say"):
            one.check(name)


def test_of_a_split_that_lies_class_by_class_all_classes_are_compared(
    deployable, exported, monkeypatch
):
    """A fault that only images of the last class show is seen among 60 of 150 images."""
    monkeypatch.setattr(agreement, "MOST_IMAGES", 60)
    wrong = deployable.split.logits.copy()
    wrong[100:] = wrong[100:, :, ::-1]
    for name, found in agreements(deployable, exported, wrong).items():
        assert found.decisions == 60 * 20, name
        assert 0.2 < found.wrong / found.decisions < 0.5, name


def cifar_images(request):
    return read_folder(request.getfixturevalue("cifar100_mini"), (32, 32)).test.images


def digits_images(_):
    return make_digits(train_images=200).test.images


BY = ("margin_tempered", "gate")  # scores with numbers of their own at each exit


@pytest.mark.parametrize(
    ("read", "label"), [(cifar_images, "entropy"), *((digits_images, label) for label in BY)]
)
def test_whole_test_splits_of_real_images(request, read, label, tmp_path):
    """By each score, with one θ for all exits and with one for each."""
    images = read(request)
    case = evaluated(random_network(classes=100, side=images.shape[1]), images)
    exits = exit_logits(case, label, right=np.arange(len(images)) % 4)
    manifest = deployment_manifest(card_of(case), exits, 1, "tests", "x")
    write_deployment(tmp_path / "x", case.network, manifest, PROGRAM_FILES)
    one = spread_thresholds(case.split, case.macs, exits.score)[[0, 5, 10, 15, 19]]
    each = spread_thresholds_per_exit(case.split, case.macs, exits.score)[2::5]
    thresholds = np.concatenate([np.tile(one[:, None], 3), each])
    found = agreements(case, tmp_path / "x", case.split.logits, exits.score, thresholds)
    for name, one in found.items():
        print(name, one)
        one.check(name)
        assert one.decisions == 9 * len(images)
        # Scores of a random network lie close together, tempered ones most.
        assert one.near_ties <= 1e-2 * one.decisions
