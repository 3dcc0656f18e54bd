"""What each exit said of every image, small enough to be committed: about 120 kB per network."""

import io
import lzma
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erde_core.store.exit_logits import SPLITS
from erde_core.store.files import whole_file

_LEVELS = 4095  # of an entropy, from 0 to log C


def pack_answers(source: Path, target: Path, seeds: Sequence[int] = ()) -> None:
    """Write ``target`` from the ``answers.npz`` of :mod:`studies.export`.

    Entropies are rounded to 4,095ths of log C, where C are the classes that labels or answers name.
    What can be computed from the rest is left out.

    Args:
        source: its ``<network>/<split>/entropy`` are float32 ``(N, E)`` in nats.
        target: an ``.npz`` within an ``.xz``; :func:`unpacked_answers` reads it.
        seeds: whose networks alone are packed, where others are packed already.
    """
    with np.load(source) as arrays:
        named = [f"{split}/labels" for split in SPLITS]
        named += [name for name in arrays.files if name.endswith("/prediction")]
        classes = 1 + max(int(arrays[name].max()) for name in named)
        packed: dict[str, Any] = {"classes": classes}
        for name, values in arrays.items():
            kind = name.rpartition("/")[2]
            if seeds and kind != "labels" and not any(f"/seed{n}/" in name for n in seeds):
                continue
            if kind == "entropy":
                levels = np.rint(values / np.log(classes) * _LEVELS)
                packed[name] = np.asfortranarray(levels.astype(np.uint16))
            elif kind == "prediction":
                packed[name] = np.asfortranarray(values.astype(np.min_scalar_type(classes - 1)))
            elif kind != "correct":
                packed[name] = values
    whole = io.BytesIO()
    np.savez(whole, **packed)
    with whole_file(target) as temporary:
        temporary.write_bytes(lzma.compress(whole.getvalue()))


def unpacked_answers(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of ``answers.npz`` again, with entropies as they were rounded."""
    with np.load(io.BytesIO(lzma.decompress(path.read_bytes()))) as arrays:
        found = dict(arrays.items())
    classes = int(found.pop("classes"))
    for name in [name for name in found if name.endswith("/prediction")]:
        network, split = name.split("/")[:-2], name.split("/")[-2]
        found[name] = found[name].astype(np.uint16)
        right = found[name] == found[f"{split}/labels"][:, None]
        found["/".join([*network, split, "correct"])] = right
    for name in [name for name in found if name.endswith("/entropy")]:
        nats = found[name] * (np.log(classes) / _LEVELS)
        found[name] = nats.astype(np.float32)
    return found
