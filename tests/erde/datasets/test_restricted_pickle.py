import collections
import os
import pickle

import numpy as np
import pytest
from numpy._core.multiarray import _reconstruct

from erde.datasets.images import DatasetError
from erde.datasets.restricted_pickle import loads


class Calls:
    """Pickles as a call of ``function``: what a malicious pickle does."""

    def __init__(self, function, *args, state=None):
        self.reduced = (function, args) if state is None else (function, args, state)

    def __reduce__(self):
        return self.reduced


def test_test_data_is_what_python_2_wrote(python2_dumps):
    data = python2_dumps({"labels": [3], "data": np.arange(6, dtype=np.uint8).reshape(2, 3)})
    assert b"cnumpy.core.multiarray\n_reconstruct\n" in data
    assert b"BINUNICODE" not in data
    assert b"T\x06\x00\x00\x00labels" in data
    plain = pickle.loads(data, encoding="bytes")
    np.testing.assert_array_equal(plain[b"data"], [[0, 1, 2], [3, 4, 5]])


def test_reads_a_batch(python2_dumps):
    rows = np.arange(12, dtype=np.uint8).reshape(2, 6)
    batch = loads(python2_dumps({"data": rows, "labels": [7, 0], "names": ["a", "b"]}), "batch")
    assert set(batch) == {b"data", b"labels", b"names"}
    np.testing.assert_array_equal(batch[b"data"], rows)
    assert batch[b"data"].dtype == np.uint8
    assert batch[b"labels"] == [7, 0]
    assert batch[b"names"] == [b"a", b"b"]


def test_a_call_is_refused_by_name_and_not_made(python2_dumps, tmp_path):
    victim = tmp_path / "made-by-the-pickle"
    data = python2_dumps({"data": Calls(os.system, f"touch {victim}")})
    with pytest.raises(DatasetError, match=rf"batch: .*only name NumPy arrays.*{os.name}.system"):
        loads(data, "batch")
    assert not victim.exists()


@pytest.mark.parametrize(
    "function", [eval, getattr, np.load, np.frombuffer, collections.OrderedDict, pickle.loads]
)
def test_other_callables_are_refused(python2_dumps, function):
    with pytest.raises(DatasetError, match=f"got .*{function.__name__}"):
        loads(python2_dumps(Calls(function, "x")), "batch")


def test_numpy_names_are_not_calls(python2_dumps):
    with pytest.raises(DatasetError):
        loads(python2_dumps(Calls(np.ndarray, (10**6,))), "batch")


@pytest.mark.parametrize("array", [np.ones(3), np.array([{}], object), np.arange(3)])
def test_only_uint8_arrays(python2_dumps, array):
    with pytest.raises(DatasetError, match="must be uint8"):
        loads(python2_dumps(array), "batch")


def test_array_of_a_forged_shape_is_refused(python2_dumps):
    state = (1, (1000, 1000), np.dtype(np.uint8), False, b"short")
    forged = Calls(_reconstruct, np.ndarray, (0,), b"b", state=state)
    with pytest.raises(DatasetError, match=r"\(1000, 1000\).*got 5"):
        loads(python2_dumps(forged), "batch")


def test_broken_pickles_give_one_sentence(python2_dumps):
    data = python2_dumps({"data": np.zeros((2, 3), np.uint8), "labels": [1, 2]})
    for stop in range(len(data)):
        with pytest.raises(DatasetError, match=r"^batch: ") as caught:
            loads(data[:stop], "batch")
        assert "\n" not in str(caught.value)
