"""The exit-logits file: what every exit of one trained network says of every val and test image."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import h5py
import numpy as np
from numpy.typing import NDArray

from erde_core import checks
from erde_core.errors import ErdeError
from erde_core.store.files import StoreError, whole_file
from erde_core.store.seal import check_seal, sealed
from erde_core.store.stamped import (
    get_text,
    new_stamped,
    open_stamped,
    read_array,
    set_text,
)

KIND = "exit logits"
SPLITS = ("val", "test")
FLOAT32, INT8 = "float32", "int8"
MIXED = "mixed"  # of a cascade whose members were trained in several
TRAINED = (FLOAT32, "bf16", MIXED, "")
_COLUMNS = {"logits": ("<f4", 3), "labels": ("<i8", 1), "group": ("<i8", 1)}


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
        macs: multiply-accumulates of one image to the end of each exit, int64 ``(E,)``; all 0 of
            a teacher whose cost nobody knows.
        dataset: SHA-256 of the data set's content.
        network: SHA-256 of the network's weights; of an int8 one, of its stages.
        precision: in which the network computed, ``float32`` or ``int8``.
        trained: in which it was trained, ``float32``, ``bf16`` or (a cascade's members) ``mixed``;
            empty where that is not known.
    """

    val: SplitLogits
    test: SplitLogits
    macs: NDArray[np.int64]
    dataset: str
    network: str
    precision: str = FLOAT32
    trained: str = ""


def write_exit_logits(path: str | os.PathLike[str], exits: ExitLogits) -> None:
    """Write ``exits`` to ``path``, whole or not at all.

    Raises:
        ValueError: dtypes, shapes, labels or MACs break the rules of :class:`ExitLogits`.
    """
    check_exit_logits(exits)
    with whole_file(path) as temporary, new_stamped(temporary, KIND) as file:
        for name in SPLITS:
            split, group = getattr(exits, name), file.create_group(name)
            for column in _COLUMNS:
                group[column] = getattr(split, column)
        file["macs"] = exits.macs
        texts = {"dataset": exits.dataset, "network": exits.network, "seal": _seal(exits)}
        for name, text in (texts | _precisions(exits)).items():
            set_text(file, name, text)


def read_exit_logits(path: str | os.PathLike[str]) -> ExitLogits:
    """Read and verify an exit-logits file.

    Raises:
        StoreError: not such a file, its content does not match its SHA-256, or it breaks a rule of
            :class:`ExitLogits`.
    """
    with open_stamped(path, KIND) as file:
        exits = ExitLogits(
            **{name: _read_split(file, name) for name in SPLITS},
            macs=read_array(file, "macs", "<i8", 1),
            dataset=get_text(file, "dataset"),
            network=get_text(file, "network"),
            precision=get_text(file, "precision") if "precision" in file.attrs else FLOAT32,
            trained=get_text(file, "trained") if "trained" in file.attrs else "",
        )
        check_seal(path, get_text(file, "seal"), _seal(exits))
    try:
        check_exit_logits(exits)
    except ErdeError as error:
        raise StoreError(f"{path}: {error}") from error
    return exits


def read_networks(
    names: Iterable[Sequence[object]], paths: Iterable[str | os.PathLike[str]]
) -> dict[tuple[str, int], ExitLogits]:
    """Read the exit logits of several trainings, each called (variant, seed).

    Raises:
        StoreError: a file is not what it should be, or one network stands under two seeds: the
            spread between seeds would then look smaller than it is.
    """
    read = {
        (str(variant), int(str(seed))): read_exit_logits(path)
        for (variant, seed), path in zip(names, paths, strict=True)
    }
    check_seeds_differ(read)
    return read


def check_seeds_differ(networks: Mapping[tuple[str, int], ExitLogits]) -> None:
    """Refuse one network under two seeds; two settings may well end in the same weights.

    Raises:
        StoreError: the message names both.
    """
    seen: dict[str, tuple[str, int]] = {}
    for (variant, seed), exits in networks.items():
        other, other_seed = seen.setdefault(exits.network, (variant, seed))
        if other_seed != seed:
            raise StoreError(
                f"{variant}/seed{seed} must be another network than {other}/seed{other_seed}, "
                f"got the weights {exits.network[:12]} for both"
            )


def check_exit_logits(exits: ExitLogits) -> None:
    """Hold ``exits`` to what everybody who reads them relies on.

    Raises:
        ValueError: a wrong dtype or shape, a label that is no class, MACs that fall, another
            precision, NaN, or splits of different exits or classes.
    """
    checks.one_of("precision", exits.precision, (FLOAT32, INT8))
    checks.one_of("trained", exits.trained, TRAINED)
    for name in SPLITS:
        split = getattr(exits, name)
        logits = checks.float_array("logits", split.logits, ndim=3)
        if logits.dtype != np.float32:
            raise ErdeError(f"{name} logits must be float32, got {logits.dtype}")
        undefined = np.isnan(logits).any(axis=(1, 2)).nonzero()[0]
        if len(undefined):
            raise ErdeError(f"{name} logits must be numbers, got NaN for image {undefined[0]}")
        for column in ("labels", "group"):
            values = getattr(split, column)
            if values.dtype != np.int64 or values.shape != (len(logits),):
                raise ErdeError(
                    f"{name} {column} must have shape ({len(logits)},) and be int64, "
                    f"got {values.shape} and {values.dtype}"
                )
        checks.class_labels(split.labels, logits.shape[0], logits.shape[2])
        checks.exit_macs(exits.macs, logits.shape[1])
    if exits.val.logits.shape[1:] != exits.test.logits.shape[1:]:
        raise ErdeError(
            f"val and test must have the same exits and classes, got {exits.val.logits.shape[1:]} "
            f"and {exits.test.logits.shape[1:]}"
        )
    if exits.macs.dtype != np.int64:
        raise ErdeError(f"macs must be int64, got {exits.macs.dtype}")


def _read_split(file: h5py.File, name: str) -> SplitLogits:
    columns = (read_array(file, f"{name}/{column}", *kind) for column, kind in _COLUMNS.items())
    return SplitLogits(*columns)


def _seal(exits: ExitLogits) -> str:
    arrays = {
        f"{name}/{column}": getattr(getattr(exits, name), column)
        for name in SPLITS
        for column in _COLUMNS
    }
    texts = {"dataset": exits.dataset, "network": exits.network} | _precisions(exits)
    return sealed(**arrays, macs=exits.macs, **texts)


def _precisions(exits: ExitLogits) -> dict[str, str]:
    """What is noted beside the other texts: of files from before one was noted, nothing."""
    computed = {} if exits.precision == FLOAT32 else {"precision": exits.precision}
    return computed | ({"trained": exits.trained} if exits.trained else {})
