"""Which row of a file of answers is whose: as names say, or in the one order that needs none.

That order is class by class, by name, and within a class by file name, names compared letter by
letter as Python compares them. Others sort otherwise, which no number of rows tells.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path, PurePath

from erde_core.errors import ErdeError


def check_unlisted(key: str, names_key: str, classes: Sequence[str]) -> None:
    """Hold that rows without names can be sorted in one way only, as far as paths are sorted.

    Of sorted paths a class comes behind another whose name goes on where its own ends, where that
    goes on with what sorts before "/": "bell pepper/1.png" before "bell/1.png".

    Args:
        key, names_key: of the array, and of the names that it needs then.
        classes: names, as they sort.

    Raises:
        ValueError: sorted paths come in another order.
    """
    for first, second in pairwise(classes):
        if f"{first}/" > f"{second}/":
            raise ErdeError(
                f"{names_key} must be given, as sorted paths come in another order than {key}: "
                f"class by class, {first!r} comes before {second!r}, but '{second}/…' before "
                f"'{first}/…'"
            )


def order_remarks(key: str, names: Sequence[str]) -> Iterator[str]:
    """What to say of rows, or classes, whose order nobody gave, and that some sort otherwise.

    Args:
        key: what is in that order.
        names: of the files or classes, as they sort here.
    """
    pair = next((pair for pair in pairwise(names) if _sorts_otherwise(*pair)), None)
    if pair is not None:
        yield (
            f"warning: {key} are taken to be sorted letter by letter, {pair[0]!r} before "
            f"{pair[1]!r}: whoever sorts by number or without case, or paths of Windows, has "
            "another order"
        )


def check_names(key: str, path: str, names: Sequence[str] | None, rows: int) -> None:
    """Hold the lines of ``path`` to the names of the files, in their order.

    Args:
        key: of the array.
        path: a file with a name for each row.
        names: of the files; None of a data set without files.
        rows: how many there are.

    Raises:
        ValueError: other names, another order, or names that do not tell all images apart.
    """
    if names is None:
        raise ErdeError(f"{key}: names must be left out for a data set without files, got {path}")
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ErdeError(f"{key}: names must be a file of text, got {path}: {error}") from None
    if len(lines) != rows:
        raise ErdeError(f"{key}: names must have {rows} lines, got {len(lines)} in {path}")
    seen: dict[str, int] = {}
    for row, (line, name) in enumerate(zip(map(str.strip, lines), names, strict=True)):
        if not _ends_in(name, line) and not _ends_in(name, line.replace("\\", "/")):
            raise ErdeError(
                f"{key} must have the images class by class, sorted by name, got {line!r} in row "
                f"{row}, where {name} belongs"
            )
        if (first := seen.setdefault(line.replace("\\", "/"), row)) != row:
            raise ErdeError(
                f"{key}: names must tell all images apart, as class/file does, got {line!r} in "
                f"rows {first} and {row} of {path}"
            )


def _ends_in(name: str, line: str) -> bool:
    end = PurePath(line).parts
    return bool(end) and PurePath(name).parts[-len(end) :] == end


def _sorts_otherwise(first: str, second: str) -> bool:
    """Whether one of the other usual orders has the second first."""
    return (
        _by_number(first) > _by_number(second)
        or first.casefold().split("/") > second.casefold().split("/")
        or first.replace("/", "\\") > second.replace("/", "\\")
    )


def _by_number(name: str) -> list[list[str | int]]:
    """With digits read as numbers; of every part text and numbers take turns, text first."""
    return [
        [int(bit) if n % 2 else bit for n, bit in enumerate(re.split(r"([0-9]+)", part))]
        for part in name.split("/")
    ]
