"""The page docs/tables.md, made from the tables themselves.

python -m erde.evaluation.tables.page > docs/tables.md
"""

import textwrap
from collections.abc import Iterator

from erde.evaluation.tables import TABLES
from erde_core.store.tables import Column, Table

_WIDTH = 120
_PLACES = {"history": "results/<experiment>/{teacher,<variant>/seed<n>}/history.csv"}
_KINDS = {str: "text", int: "whole number", float: "number", bool: "0 or 1"}
_HEAD = """# The tables

Every CSV file that an experiment leaves, from the definitions in
[`erde/evaluation/tables`](../erde/evaluation/tables) (this page is made from them:
`python -m erde.evaluation.tables.page > docs/tables.md`). In Python, with each cell of its kind:

```python
from erde.evaluation.tables import PARETO

rows = PARETO.read("results/digits/pareto.csv")
```

Accuracies and shares are fractions, MACs are multiply-accumulates of one image, entropies and θ are
in nats. "May be empty" says that a cell may hold nothing. A text that a spreadsheet would run as a
formula has a `'` in front, which `read` takes off.
"""


def tables_page() -> str:
    """The page as Markdown, lines of at most 120 characters."""
    return "\n".join([_HEAD, *(line for table in TABLES.values() for line in _table(table))])


def _table(table: Table) -> Iterator[str]:
    place = _PLACES.get(table.name, f"results/<experiment>/{table.name}.csv")
    yield f"## {table.name}.csv\n"
    yield textwrap.fill(f"`{place}`. One row: {table.row}.", _WIDTH) + "\n"
    yield from (_column(column) for column in table.columns)
    yield ""


def _column(column: Column) -> str:
    name = column.name.replace("{exit}", "<exit>")
    empty = ", may be empty" if column.empty else ""
    text = f"* `{name}` ({_KINDS[column.kind]}{empty}): {column.meaning}"
    return textwrap.fill(text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def main() -> None:
    """Print the page."""
    print(tables_page(), end="")


if __name__ == "__main__":
    main()
