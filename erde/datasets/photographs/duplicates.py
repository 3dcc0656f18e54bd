"""Photographs that are there twice, by what they show: within a split, between splits."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from erde.datasets.images import DatasetError, readable
from erde.datasets.photographs.listed import Photographs

_ALLOWED = 0.001  # of the test or validation images that lie elsewhere too
_SHOWN = 3
_Place = tuple[str, int]


def check_duplicates(
    found: Photographs, contents: Mapping[str, NDArray[np.uint8]], keep: bool
) -> list[str]:
    """Compare all decoded images.

    Validation images that lie in train too are said and never refused: the test images, which
    results are of, know nothing of them, and of copies in train some are held out by chance.

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
    odd = [group for group in several if len({_label(found, place) for place in group}) > 1]
    if odd:
        some = _some(found, [_one_each(group, lambda p: _label(found, p)) for group in odd])
        said.append(f"{sum(map(len, odd))} images lie in another class too{some}")
    count, sentence = _shared(found, several, "val", ("train",), "validation images lie in train")
    if count:
        said.append(sentence)
    if count > _ALLOWED * len(found.splits["val"].files):
        said[-1] += (
            ": θ and certificates that they choose promise too much; remove the copies, or, where "
            "validation is held out of train, give them one group in groups.csv"
        )
    count, sentence = _shared(
        found, several, "test", ("train", "val"), "test images lie in train or validation"
    )
    if count > _ALLOWED * len(found.splits["test"].files) and not keep:
        raise DatasetError(f"{sentence}: at most 0.1 % may; remove them, or say `duplicates: keep`")
    return [*said, sentence] if count else said


def _shared(
    found: Photographs, several: list[list[_Place]], of: str, others: tuple[str, ...], words: str
) -> tuple[int, str]:
    """How many images of one split lie in others too, and a sentence of it."""
    groups = [[p for p in group if p[0] in (of, *others)] for group in several]
    groups = [group for group in groups if {split for split, _ in group} > {of}]
    count = sum(split == of for group in groups for split, _ in group)
    some = _some(found, [_one_each(group, lambda p: p[0]) for group in groups])
    return count, f"{count} of {len(found.splits[of].files)} {words} too{some}"


def _one_each(group: list[_Place], key: Callable[[_Place], object]) -> list[_Place]:
    """The first of each kind: names of one kind alone would show nothing odd."""
    return list({key(place): place for place in reversed(group)}.values())[::-1]


def _label(found: Photographs, place: _Place) -> int:
    return int(found.splits[place[0]].labels[place[1]])


def _some(found: Photographs, groups: list[list[_Place]]) -> str:
    shown = "; ".join(_names(found, group) for group in groups[:_SHOWN])
    return f" ({shown}{'; …' if len(groups) > _SHOWN else ''})"


def _names(found: Photographs, group: list[_Place]) -> str:
    shown = " = ".join(_name(found, place) for place in group[:_SHOWN])
    return f"{shown}{' = …' if len(group) > _SHOWN else ''}"


def _name(found: Photographs, place: _Place) -> str:
    file: Path = found.splits[place[0]].files[place[1]]
    return readable(file.relative_to(found.path))
