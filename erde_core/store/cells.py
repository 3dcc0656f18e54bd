"""Text in a CSV cell that no spreadsheet runs as a formula.

A deployment carries this file along, so it needs the standard library alone.
"""

import re

# What Excel, LibreOffice and Google Sheets take for a formula, behind apostrophes or not.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def guarded(text: str) -> str:
    """``text``, with an apostrophe before it if a spreadsheet would run it; numbers stay."""
    runs = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if runs else text


def unguarded(cell: str) -> str:
    """The text that :func:`guarded` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
