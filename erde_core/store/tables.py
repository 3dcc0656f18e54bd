"""Tables as CSV: the first row names the columns, with their units."""

import csv
import os
from collections.abc import Sequence

from erde_core.store.files import StoreError, whole_file


def write_table(path: str | os.PathLike, rows: Sequence[dict[str, object]]) -> None:
    """Write rows of equal keys, whole or not at all. Floats keep every digit; None is empty.

    Raises:
        ValueError: no rows, or a row with other keys than the first.
    """
    if not rows:
        raise ValueError(f"{path}: a table must have at least one row, got none")
    for row in rows:
        if list(row) != list(rows[0]):
            raise ValueError(f"{path}: rows must have the keys {list(rows[0])}, got {list(row)}")
    with whole_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_table(path: str | os.PathLike) -> list[dict[str, str]]:
    """The rows of a table, values as text.

    Raises:
        StoreError: no such file.
    """
    if not os.path.exists(path):
        raise StoreError(f"{path}: no such table")
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
