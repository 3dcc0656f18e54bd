"""Photographs that are there twice, by what they show: within a split, between splits."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from erde.datasets.images import DatasetError, readable
from erde.datasets.photographs.listed import Photographs

_ALLOWED = 0.001  # of the test images that are also in train or validation
_SHOWN = 3
_Place = tuple[str, int]


def check_duplicates(
    found: Photographs, contents: Mapping[str, NDArray[np.uint8]], keep: bool
) -> list[str]:
    """Compare all decoded images.

    Args:
        found: the photographs.
        contents: split → SHA-256 of each image before it was scaled, uint8 ``(N, 32)``.
        keep: take test images that are also training or validation images.

    Returns:
        A sentence per kind of duplicates that there is.

    Raises:
        DatasetError: more than 0.1 % of the test images lie in train or validation too, and they
            are not to be kept; some are named.
    """
    places: dict[bytes, list[_Place]] = defaultdict(list)
    for split, rows in contents.items():
        for n, row in enumerate(rows):
            places[row.tobytes()].append((split, n))
    several = [group for group in places.values() if len(group) > 1]
    said = []
    for split in contents:
        within = [[p for p in group if p[0] == split] for group in several]
        within = [group for group in within if len(group) > 1]
        if within:
            count = sum(len(group) - 1 for group in within)
            said.append(f"{count} images of {split} are there again in it{_some(found, within)}")
    odd = [group for group in several if len({found.splits[s].labels[n] for s, n in group}) > 1]
    if odd:
        said.append(f"{len(odd)} images lie in several classes{_some(found, odd)}")
    shared = [group for group in several if {"train", "val"} <= {s for s, _ in group}]
    if shared:
        said.append(f"{len(shared)} images lie in train and in validation{_some(found, shared)}")
    leaked = [g for g in several if {s for s, _ in g} > {"test"}]
    tests = sum(split == "test" for group in leaked for split, _ in group)
    if tests:
        total = len(found.splits["test"].files)
        sentence = (
            f"{tests} of {total} test images lie in train or validation too{_some(found, leaked)}"
        )
        if tests > _ALLOWED * total and not keep:
            raise DatasetError(
                f"{sentence}: at most 0.1 % may; remove them, or say `duplicates: keep`"
            )
        said.append(sentence)
    return said


def _some(found: Photographs, groups: list[list[_Place]]) -> str:
    shown = "; ".join(" = ".join(_name(found, place) for place in g) for g in groups[:_SHOWN])
    return f" ({shown}{'; …' if len(groups) > _SHOWN else ''})"


def _name(found: Photographs, place: _Place) -> str:
    file: Path = found.splits[place[0]].files[place[1]]
    return readable(file.relative_to(found.path))
