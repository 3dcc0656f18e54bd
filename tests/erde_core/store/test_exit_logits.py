import dataclasses

import numpy as np
import pytest

from erde_core.store.exit_logits import read_exit_logits, write_exit_logits


def test_round_trip(tmp_path, exit_logits):
    write_exit_logits(tmp_path / "exits.h5", exit_logits)
    found = read_exit_logits(tmp_path / "exits.h5")
    for name in ("val", "test"):
        for column in ("logits", "labels", "group"):
            wanted = getattr(getattr(exit_logits, name), column)
            array = getattr(getattr(found, name), column)
            np.testing.assert_array_equal(array, wanted)
            assert array.dtype == wanted.dtype
    np.testing.assert_array_equal(found.macs, exit_logits.macs)
    assert (found.dataset, found.network) == (exit_logits.dataset, exit_logits.network)


BROKEN = {
    "labels must lie in 0 … 2, got 3": {"labels": np.array([0, 1, 2, 3])},
    r"labels must have shape \(4,\)": {"labels": np.array([0, 1])},
    "logits must have 3 axes": {"logits": np.zeros((4, 3), np.float32)},
    "logits must be a floating-point array": {"logits": np.zeros((4, 2, 3), np.int64)},
    r"macs must have shape \(3,\)": {"logits": np.zeros((4, 3, 3), np.float32)},
}


@pytest.mark.parametrize("rule", BROKEN)
def test_broken_rules_leave_no_file(tmp_path, exit_logits, rule):
    broken = dataclasses.replace(
        exit_logits, val=dataclasses.replace(exit_logits.val, **BROKEN[rule])
    )
    with pytest.raises(ValueError, match=rule):
        write_exit_logits(tmp_path / "exits.h5", broken)
    assert not list(tmp_path.iterdir())


def test_falling_macs_are_refused(tmp_path, exit_logits):
    broken = dataclasses.replace(exit_logits, macs=np.array([90, 30]))
    with pytest.raises(ValueError, match="macs must be >= 0 and never decrease"):
        write_exit_logits(tmp_path / "exits.h5", broken)
