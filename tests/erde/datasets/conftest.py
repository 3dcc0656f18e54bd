"""Files in the original formats, made small."""

import pickle
import struct

import numpy as np
import pytest
from numpy._core.multiarray import _reconstruct


class _Python2Pickler(pickle._Pickler):
    """Writes what Python 2's pickle wrote in protocol 2: byte strings, and NumPy's old names."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_string(self, text):
        data = text if isinstance(text, bytes) else text.encode("ascii")
        self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
        self.memoize(text)

    dispatch[bytes] = dispatch[str] = save_string

    def save_global(self, obj, name=None):
        if obj is not _reconstruct:
            return super().save_global(obj, name)
        self.write(pickle.GLOBAL + b"numpy.core.multiarray\n_reconstruct\n")
        self.memoize(obj)


@pytest.fixture
def python2_dumps(tmp_path):
    def dumps(value):
        path = tmp_path / "pickle"
        with path.open("wb") as file:
            _Python2Pickler(file, 2).dump(value)
        data = path.read_bytes()
        path.unlink()
        return data

    return dumps


@pytest.fixture
def rng():
    return np.random.default_rng(0)
