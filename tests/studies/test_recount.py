"""What is recounted from packed answers is what the networks themselves give."""

from pathlib import Path

import numpy as np
import pytest

from erde.evaluation import tables
from erde.evaluation.differences.comparison import comparison_rows
from erde.evaluation.differences.resample import resample_variants
from erde_core.scores.scored_logits import score_logits
from erde_core.softmax import entropy
from erde_core.store.exit_logits import ExitLogits, SplitLogits
from studies import recount
from studies.export import answers
from studies.packing import pack_answers
from tests.erde.evaluation.networks import MACS, split

RESULTS = Path(__file__).parents[2] / "docs/results"


def network(seed, lift):
    rng = np.random.default_rng(seed)
    val, test = (split(rng, 300, lift) for _ in range(2))
    alone = (SplitLogits(s.logits, s.labels, np.arange(300)) for s in (val, test))
    return ExitLogits(*alone, MACS, "data", f"weights {seed}")


def test_networks_come_back_and_so_do_their_differences(tmp_path, monkeypatch):
    seeds = {"kd": 0.5, "erde": 1.5}
    trained = {f"{v}/seed{s}": network(s, lift) for v, lift in seeds.items() for s in (0, 1)}
    (tmp_path / "mine").mkdir()
    np.savez(tmp_path / "answers.npz", **answers(trained))
    pack_answers(tmp_path / "answers.npz", tmp_path / "mine/answers.npz.xz")
    settings = {"variants": {v: {"method": v} for v in seeds}, "seeds": [0, 1]}
    monkeypatch.setattr(recount, "SOURCES", {"mine": ("mine",)})
    monkeypatch.setattr(recount, "compose", lambda name, book: settings)
    recount.main(tmp_path)
    scored = {
        (v, s): score_logits("entropy", trained[f"{v}/seed{s}"]) for v in seeds for s in (0, 1)
    }
    resampled = resample_variants(scored)
    expected = comparison_rows(resampled, {v: v for v in seeds}, scored["kd", 0].score)
    found = tables.COMPARISON.read(tmp_path / "mine/comparison.csv")
    assert len(found) == len(expected) == 40
    for row, other in zip(found, expected, strict=True):
        # A rounded entropy may move an image or two of 300 across a threshold.
        assert row["difference"] == pytest.approx(other["difference"], abs=2.1 / 300)
        assert row["variant_macs"] == pytest.approx(other["variant_macs"], abs=0.3)


def test_logits_have_the_entropies_and_answers_they_are_made_of():
    nats = np.linspace(0, np.log(7), 4096).astype(np.float32).reshape(-1, 2)
    prediction = np.random.default_rng(0).integers(0, 7, nats.shape).astype(np.uint16)
    logits = recount.logits_of(nats, prediction, 7)
    np.testing.assert_array_equal(logits.argmax(axis=2), prediction)
    found = entropy(logits)
    np.testing.assert_allclose(found, nats, atol=1e-6)
    assert (np.diff(found.ravel()) > 0).all()


def test_what_is_published_is_what_the_packed_answers_give(tmp_path):
    name = "averaged_cifar100"
    (tmp_path / name).mkdir()
    packed = (RESULTS / name / "answers.npz.xz").read_bytes()
    (tmp_path / name / "answers.npz.xz").write_bytes(packed)
    recount.recount(tmp_path, name)
    for table in (tables.COMPARISON, tables.OVERALL):
        file = f"{name}/{table.name}.csv"
        again, published = table.read(tmp_path / file), table.read(RESULTS / file)
        for row, other in zip(again, published, strict=True):
            # Another processor may round an entropy otherwise, and move an image of 10,000.
            assert row == {
                key: pytest.approx(value, abs=5e-4, rel=1e-3) if isinstance(value, float) else value
                for key, value in other.items()
            }
