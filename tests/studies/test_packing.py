"""Packed answers are the answers, but for the rounding of entropies."""

import numpy as np
import pytest

from studies.packing import pack_answers, unpacked_answers


@pytest.mark.parametrize("answered", [100, 300])  # a network may name classes that no label does
def test_what_was_packed_comes_back(answered, tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 100, 300)
    prediction = rng.integers(0, answered, (300, 4)).astype(np.uint16)
    arrays = {
        "val/labels": labels,
        "test/labels": np.array([99]),
        "kd/seed0/macs": np.array([1, 2, 3, 4]),
        "kd/seed0/val/entropy": (rng.random((300, 4)) * np.log(100)).astype(np.float32),
        "kd/seed0/val/prediction": prediction,
        "kd/seed0/val/correct": prediction == labels[:, None],
    }
    np.savez_compressed(tmp_path / "answers.npz", **arrays)
    pack_answers(tmp_path / "answers.npz", tmp_path / "packed.npz.xz")
    found = unpacked_answers(tmp_path / "packed.npz.xz")
    assert found.keys() == arrays.keys()
    for name, values in arrays.items():
        assert found[name].dtype == values.dtype, name
        if not name.endswith("entropy"):
            np.testing.assert_array_equal(found[name], values)
    error = np.abs(found["kd/seed0/val/entropy"] - arrays["kd/seed0/val/entropy"]).max()
    assert 0 < error <= np.log(answered) / 4095 / 2 + 1e-6
    pack_answers(tmp_path / "answers.npz", tmp_path / "some.npz.xz", [1])
    assert unpacked_answers(tmp_path / "some.npz.xz").keys() == {"val/labels", "test/labels"}
    pack_answers(tmp_path / "answers.npz", tmp_path / "some.npz.xz", [0, 1])
    assert unpacked_answers(tmp_path / "some.npz.xz").keys() == arrays.keys()
    small, whole = (tmp_path / name for name in ("packed.npz.xz", "answers.npz"))
    assert small.stat().st_size < whole.stat().st_size
