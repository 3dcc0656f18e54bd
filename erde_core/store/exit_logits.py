"""The exit-logits file: what every exit of one trained network says of every val and test image."""

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erde_core import checks
from erde_core.store.files import (
    StoreError,
    content_hash,
    get_text,
    new_stamped,
    open_stamped,
    set_text,
    whole_file,
)

KIND = "exit logits"
SPLITS = ("val", "test")


@dataclass(frozen=True)
class SplitLogits:
    """One split: logits float32 ``(N, E, C)``, labels and group int64 ``(N,)``."""

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    group: NDArray[np.int64]


@dataclass(frozen=True)
class ExitLogits:
    """What one trained network answers.

    Attributes:
        val, test: the two splits.
        macs: multiply-accumulates of one image to the end of each exit, int64 ``(E,)``.
        dataset: SHA-256 of the data set's content.
        network: SHA-256 of the network's weights.
    """

    val: SplitLogits
    test: SplitLogits
    macs: NDArray[np.int64]
    dataset: str
    network: str


def write_exit_logits(path: str | os.PathLike, exits: ExitLogits) -> None:
    """Write ``exits`` to ``path``, whole or not at all.

    Raises:
        ValueError: shapes, labels or MACs break the rules of :class:`ExitLogits`.
    """
    for name in SPLITS:
        _check(getattr(exits, name), exits.macs)
    with whole_file(path) as temporary, new_stamped(temporary, KIND) as file:
        for name in SPLITS:
            split, group = getattr(exits, name), file.create_group(name)
            group["logits"], group["labels"], group["group"] = (
                split.logits,
                split.labels,
                split.group,
            )
        file["macs"] = exits.macs
        texts = {"dataset": exits.dataset, "network": exits.network, "sha256": _hash(exits)}
        for name, text in texts.items():
            set_text(file, name, text)


def read_exit_logits(path: str | os.PathLike) -> ExitLogits:
    """Read and verify an exit-logits file.

    Raises:
        StoreError: not such a file, or its content does not match its SHA-256.
    """
    with open_stamped(path, KIND) as file:
        splits = {
            name: SplitLogits(*(np.asarray(file[name][k]) for k in ("logits", "labels", "group")))
            for name in SPLITS
        }
        identity = {name: get_text(file, name) for name in ("dataset", "network")}
        exits = ExitLogits(**splits, macs=np.asarray(file["macs"]), **identity)
        noted, found = get_text(file, "sha256"), _hash(exits)
    if noted != found:
        raise StoreError(f"{path}: content must have SHA-256 {noted}, got {found}")
    return exits


def _check(split: SplitLogits, macs: NDArray) -> None:
    logits = checks.float_array("logits", split.logits, ndim=3)
    checks.class_labels(split.labels, logits.shape[0], logits.shape[2])
    checks.exit_macs(macs, logits.shape[1])


def _hash(exits: ExitLogits) -> str:
    splits = (exits.val, exits.test)
    return content_hash(*(a for s in splits for a in (s.logits, s.labels, s.group)), exits.macs)
