"""Tables as CSV: a name, typed columns with units, and one reader.

The first row names the columns. Floats keep every digit; an empty cell is None. A text that a
spreadsheet would run as a formula gets a quotation mark in front, which the reader takes off again.
"""

import csv
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from erde_core.errors import ErdeError
from erde_core.store.cells import guarded, unguarded
from erde_core.store.files import StoreError, whole_file

Row = dict[str, Any]  # a cell per column: text, int, float or bool, as the column says, or None

_REQUIRED = object()
_WORDS = {str: "a text", int: "a whole number", float: "a finite number", bool: "0 or 1"}


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: in the first row; ``{exit}`` in it stands for 0, 1, … of however many exits there are.
        kind: ``str``, ``int``, ``float`` or ``bool`` (written as 0 and 1).
        meaning: for the reader of the table, with the unit where it is a number.
        empty: whether a cell may be empty.
        absent: what the cells of a file from before there was this column are read as.
    """

    name: str
    kind: type
    meaning: str
    empty: bool = False
    absent: object = _REQUIRED

    @property
    def required(self) -> bool:
        """Whether every file has this column."""
        return self.absent is _REQUIRED

    @property
    def per_exit(self) -> bool:
        """Whether it stands for a column per exit."""
        return "{exit}" in self.name


@dataclass(frozen=True)
class Table:
    """A kind of CSV file.

    Attributes:
        name: of the file, without ``.csv``.
        row: what one row is, in words.
        columns: in their order.
    """

    name: str
    row: str
    columns: tuple[Column, ...]

    def write(self, path: str | os.PathLike[str], rows: Sequence[Row]) -> None:
        """Write rows, whole or not at all; without rows the columns' names alone.

        Raises:
            ValueError: a row has other columns than the table, or a cell is of another kind.
        """
        names = list(rows[0]) if rows else [c.name for c in self.columns if not c.per_exit]
        columns = self._expanded(names, f"{path}: a row of {self.name}.csv", ErdeError)
        for number, row in enumerate(rows, 1):
            if list(row) != names:
                raise ErdeError(f"{path}: rows must have the columns {names}, got {list(row)}")
            for name, column in columns.items():
                _check(row[name], column, f"{path}: row {number}, column {name}")
        _write(path, names, rows)

    def read(self, path: str | os.PathLike[str]) -> list[Row]:
        """The rows, each cell of its column's kind.

        Raises:
            StoreError: no such file, a column missing or unknown, or a cell that is not of its
                column's kind.
        """
        names, lines = _read(path)
        columns = self._expanded(names, f"{path}", StoreError)
        added = {c.name: c.absent for c in self.columns if not c.required and c.name not in names}
        rows = []
        for number, line in enumerate(lines, 1):
            where = f"{path}: row {number}"
            if len(line) != len(names):
                raise StoreError(f"{where} must have {len(names)} cells, got {len(line)}")
            cells = {
                name: _parsed(text, columns[name], f"{where}, column {name}")
                for name, text in zip(names, line, strict=True)
            }
            rows.append(cells | added)
        return rows

    def _expanded(
        self, names: Sequence[str], where: str, error: type[ErdeError]
    ) -> dict[str, Column]:
        """The column of each of ``names``; refuses a name too many and a name too few."""
        found: dict[str, Column] = {}
        for column in self.columns:
            if column.per_exit:
                exits = (column.name.format(exit=e) for e in range(len(names)))
                found |= {name: column for name in exits if name in names}
            elif column.name in names or column.required:
                found[column.name] = column
        if sorted(found) != sorted(names):
            raise error(f"{where} must have the columns {list(found)}, got {list(names)}")
        return found


def write_table(path: str | os.PathLike[str], rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows of equal keys as text, for a table that is no :class:`Table`.

    Raises:
        ValueError: no rows, or a row with other keys than the first.
    """
    if not rows:
        raise ErdeError(f"{path}: a table must have at least one row, got none")
    for row in rows:
        if list(row) != list(rows[0]):
            raise ErdeError(f"{path}: rows must have the keys {list(rows[0])}, got {list(row)}")
    _write(path, list(rows[0]), rows)


def read_table(path: str | os.PathLike[str]) -> list[dict[str, str]]:
    """The rows of any table, cells as text.

    Raises:
        StoreError: no such file.
    """
    names, lines = _read(path)
    return [dict(zip(names, map(unguarded, line), strict=False)) for line in lines]


def _write(
    path: str | os.PathLike[str], names: Sequence[str], rows: Iterable[Mapping[str, object]]
) -> None:
    with whole_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        plain = csv.writer(file, lineterminator="\n")
        quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        plain.writerow(names)
        for row in rows:
            cells = [_cell(row[name]) for name in names]
            # A carriage return ends a line for the reader, yet no plain writer puts it in quotes.
            broken = any("\r" in cell for cell in cells if isinstance(cell, str))
            (quoted if broken else plain).writerow(cells)


def _read(path: str | os.PathLike[str]) -> tuple[list[str], list[list[str]]]:
    if not os.path.exists(path):
        raise StoreError(f"{path}: no such table")
    try:
        with open(path, newline="", encoding="utf-8") as file:
            names, *lines = list(csv.reader(file)) or [[]]
    except (csv.Error, UnicodeDecodeError) as error:
        raise StoreError(f"{path}: must be a CSV table in UTF-8, got {error}") from None
    if not names or len(set(names)) < len(names):
        raise StoreError(f"{path}: the first row must name each column once, got {names}")
    return names, [line for line in lines if line]


def _cell(value: object) -> object:
    if isinstance(value, str):
        return guarded(value)
    return int(value) if isinstance(value, bool) else value


def _check(value: object, column: Column, where: str) -> None:
    if value is None:
        right = column.empty
    elif column.kind is float:
        right = isinstance(value, float | int) and math.isfinite(value)
    elif column.kind is bool:
        right = value in (0, 1)
    else:
        right = isinstance(value, column.kind) and not isinstance(value, bool)
    if not right:
        raise ErdeError(f"{where} must be {_WORDS[column.kind]}, got {value!r}")


def _parsed(text: str, column: Column, where: str) -> object:
    if text == "" and column.empty:
        return None
    try:
        if column.kind is str:
            value: object = unguarded(text)
        elif column.kind is bool:
            value = bool(("0", "1").index(text))
        else:
            value = column.kind(text)
        _check(value, column, where)
    except ValueError:
        raise StoreError(f"{where} must be {_WORDS[column.kind]}, got {text!r}") from None
    return value
