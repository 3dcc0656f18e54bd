"""Which photographs each split holds: by names, groups and the seed of the split alone."""

import csv
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from erde.datasets.class_folders import GROUPS, ClassFolders, list_class_folders
from erde.datasets.folder_settings import FolderSettings
from erde.datasets.images import DatasetError
from erde.datasets.photographs.group_split import hold_out_groups
from erde.datasets.split import hold_out

_SHOWN = 5
_NOTABLE = 0.05  # a difference of shares


@dataclass(frozen=True)
class Listed:
    """The photographs of one split: their files, labels and groups, ``(N,)`` each."""

    files: tuple[Path, ...]
    labels: NDArray[np.int64]
    group: NDArray[np.int64]

    def take(self, index: NDArray[np.int64]) -> "Listed":
        """Those at ``index``, in that order."""
        files = tuple(self.files[n] for n in index.tolist())
        return Listed(files, self.labels[index], self.group[index])


@dataclass(frozen=True)
class Photographs:
    """All of them.

    Attributes:
        path: of the folder.
        classes: their names, in label order.
        splits: ``train``, ``val`` and ``test``.
        findings: a sentence for each thing that is worth knowing before work begins.
    """

    path: Path
    classes: tuple[str, ...]
    splits: Mapping[str, Listed]
    findings: tuple[str, ...]


def list_photographs(settings: FolderSettings) -> Photographs:
    """List the class folders and hold out the validation split.

    Raises:
        DatasetError: a rule of ``list_class_folders``, ``hold_out`` or of groups.csv is broken.
    """
    found = list_class_folders(settings.path, settings.parts)
    parts = {part: _listed(found, part) for part in settings.parts}
    groups = found.path / GROUPS
    grouped = os.path.lexists(groups)  # who links to nothing is told so
    findings = [*found.left_out, *_alike(found.classes)]
    if grouped:
        parts, more = _grouped(found.path, groups, parts)
        findings += more
    if "val" in parts:
        splits = parts
    else:
        train, val = _held_out(parts["train"], settings, grouped)
        splits = {"train": train, "val": val, "test": parts["test"]}
        asked = settings.held_out(len(parts["train"].files))
        if len(val.files) != asked:
            findings.append(
                f"groups stay together: {len(val.files)} validation images instead of {asked}"
            )
    if grouped:  # else numbers of two splits say nothing of each other
        findings += _unlike(splits["train"].group, splits["val"].group)
    findings = [*_counts(found.classes, splits), *findings]
    return Photographs(found.path, found.classes, splits, tuple(findings))


def _listed(found: ClassFolders, part: str) -> Listed:
    counts = [len(of_class) for of_class in found.files[part]]
    files = tuple(file for of_class in found.files[part] for file in of_class)
    return Listed(files, np.repeat(np.arange(len(counts)), counts), np.arange(len(files)))


def _held_out(train: Listed, settings: FolderSettings, grouped: bool) -> tuple[Listed, Listed]:
    count, seed = settings.held_out(len(train.files)), settings.split_seed
    try:
        if grouped:
            index = hold_out_groups(train.labels, train.group, count, seed)
        else:
            index = hold_out(train.labels, count, seed)
    except DatasetError as error:
        raise DatasetError(f"dataset.validation: {error}") from None
    kept, held = index
    return train.take(kept), train.take(held)


def _grouped(
    path: Path, file: Path, parts: dict[str, Listed]
) -> tuple[dict[str, Listed], list[str]]:
    """The parts with the groups of ``file``, and what is odd about it."""
    named = _read_groups(file)
    numbers = {name: n for n, name in enumerate(sorted(set(named.values()) - {""}))}
    found, free, known = {}, len(numbers), set()
    where: dict[int, set[str]] = {}
    for part, listed in parts.items():
        group = np.empty(len(listed.files), np.int64)
        for n, image in enumerate(listed.files):
            name = image.relative_to(path).as_posix()
            known.add(name)
            if named.get(name):
                group[n] = numbers[named[name]]
                where.setdefault(int(group[n]), set()).add(part)
            else:
                group[n], free = free, free + 1
        found[part] = replace(listed, group=group)
    unknown = sorted(set(named) - known)
    across = [name for name, n in numbers.items() if len(where.get(n, ())) > 1]
    said = []
    if named and known.isdisjoint(named):
        raise DatasetError(
            f"{file}: must name files as {min(known, default='train/<class>/<image>')}, below "
            f"{path.name}, got none of those that are read{_some(unknown)}"
        )
    if unknown:
        said.append(f"{file.name} names {len(unknown)} files that are not read{_some(unknown)}")
    if across:
        said.append(f"{len(across)} groups lie in several of {', '.join(parts)}{_some(across)}")
    return found, said


def _read_groups(file: Path) -> dict[str, str]:
    try:
        with open(file, newline="", encoding="utf-8-sig") as data:
            rows = list(csv.reader(data))
    except OSError as error:
        raise DatasetError(f"{file}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{file}: must be a CSV file in UTF-8, got: {error}") from None
    columns = [cell.strip() for cell in rows[0]] if rows else []
    if not {"file", "group"} <= set(columns):
        raise DatasetError(
            f"{file}: must begin with a line that names the columns file and group, "
            f"got {','.join(columns)!r}"
        )
    named: dict[str, str] = {}
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(columns):
            raise DatasetError(
                f"{file}: line {number} must have {len(columns)} cells, got {len(row)}"
            )
        name, group = (row[columns.index(key)].strip() for key in ("file", "group"))
        name = name.replace("\\", "/")  # as Windows writes paths
        if named.setdefault(name, group) != group:
            raise DatasetError(f"{file}: {name!r} must have one group, got two")
    return named


def _counts(classes: tuple[str, ...], splits: Mapping[str, Listed]) -> list[str]:
    counts = {name: np.bincount(s.labels, minlength=len(classes)) for name, s in splits.items()}
    train = counts["train"]
    small, large = int(train.argmin()), int(train.argmax())
    whole = " / ".join(str(len(splits[name].files)) for name in ("train", "val", "test"))
    sizes = f"each class has {train[small]}"
    if train[small] < train[large]:
        sizes = (
            f"the smallest class is {classes[small]!r} with {train[small]}, the largest "
            f"{classes[large]!r} with {train[large]}"
        )
    said = [f"{len(classes)} classes, {whole} train / val / test images; in train {sizes}"]
    for name in ("val", "test"):
        empty = [classes[c] for c in np.flatnonzero(counts[name] == 0)]
        if empty:
            said.append(f"{len(empty)} classes have no {name} image{_some(empty)}")
    return said


def _unlike(train: NDArray[np.int64], val: NDArray[np.int64]) -> list[str]:
    """A sentence, if one of both has notably more images that are not alone in their group."""
    _, of_image, size = np.unique(
        np.concatenate([train, val]), return_inverse=True, return_counts=True
    )
    several = size[of_image] > 1
    of_train, of_val = several[: len(train)].mean(), several[len(train) :].mean()
    if abs(of_train - of_val) <= _NOTABLE:
        return []
    return [
        f"{100 * of_val:.0f} % of the validation images lie in groups of several images, "
        f"{100 * of_train:.0f} % of those of train"
    ]


def _alike(classes: tuple[str, ...]) -> list[str]:
    """A sentence per name that several classes share for who reads it, or on other disks."""
    named: dict[str, list[str]] = {}
    for name in classes:
        named.setdefault(unicodedata.normalize("NFC", name).casefold(), []).append(name)
    return [
        f"{len(names)} classes are told apart by upper and lower case or by the encoding of their "
        f"letters alone: {', '.join(map(ascii, names))}"
        for names in named.values()
        if len(names) > 1
    ]


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f": {shown}{', …' if len(names) > _SHOWN else ''}"
