"""Rows of tables: those that match, the values that occur, and means over seeds."""

import math
from collections.abc import Sequence
from typing import Any

from erde_core.store.tables import Row

Rows = Sequence[Row]


def where(rows: Rows, **cells: object) -> list[Row]:
    """The rows that have these cells."""
    return [row for row in rows if all(row[name] == cell for name, cell in cells.items())]


def distinct(rows: Rows, *columns: str) -> list[Any]:
    """The different cells of a column, or tuples of several columns, in order of appearance."""
    if len(columns) == 1:
        return list(dict.fromkeys(row[columns[0]] for row in rows))
    return list(dict.fromkeys(tuple(row[name] for name in columns) for row in rows))


def mean_of(rows: Rows, column: str) -> float | None:
    """Mean of a column without its empty cells; None where all are empty."""
    cells = [row[column] for row in rows if row[column] is not None]
    return math.fsum(cells) / len(cells) if cells else None


def evened(rows: Rows) -> list[Row]:
    """Rows of networks with different numbers of exits under one header: what one lacks is None."""
    longest = max(rows, key=len, default={})
    return [{name: row.get(name) for name in longest} for row in rows]
