"""In 8 bits: what it costs in accuracy, and what it saves in bytes."""

from erde.evaluation.budgets import share_words
from erde.evaluation.tables.rows import Rows, distinct, where
from erde.experiment.names import int8_name, name_of
from erde.report import words
from erde.report.html import Cell, render, table
from erde.report.section import Section
from erde.report.source import Source

_BODY = """
<p>{{ names }}: the same weights in 8 bits, quantised by ONNX Runtime with ranges from training
images. Such a network is one of its own: its thresholds were chosen anew on validation, and a θ of
the float32 network does not hold for it. A MAC of 8 bits counts as a MAC, though a processor may
compute several in the time of one of float32; what that gives is measured in seconds, not in MACs
(“How long it takes”).</p>
{{ rows }}
<p>{{ few }}</p>
<p>The stages on disk: {{ sizes }}. The folders to ship end in <code>-int8</code>.</p>
"""


def int8_section(source: Source) -> Section | None:
    """The section, rows of ``int8.csv``; None where nothing was asked for in 8 bits."""
    rows = source.rows["int8"]
    if not rows:
        return None
    variants = distinct(rows, "variant")
    body = render(
        _BODY,
        names=", ".join(name_of(int8_name(variant)) for variant in variants),
        rows=_table(rows),
        few=words.few_seeds(where(rows, status="ok")),
        sizes="; ".join(_size(where(rows, variant=variant)) for variant in variants),
    )
    return Section("In 8 bits", body)


def _table(rows: Rows) -> object:
    cells: list[list[Cell]] = []
    for row in rows:
        if row["difference"] is None:
            empty: list[Cell] = [None] * 6
            cells.append([row["teacher_share"], name_of(row["variant"]), row["status"], *empty])
            continue
        fractions = ("float32_accuracy", "int8_accuracy", "same_answers")
        before, after, same = (words.percent(row[name]) for name in fractions)
        interval = words.between(row["these_seeds_low"], row["these_seeds_high"])
        difference = words.points(row["difference"])
        answers: list[Cell] = [before, after, difference, interval, words.new_interval(row), same]
        cells.append([row["teacher_share"], name_of(row["variant"]), row["status"], *answers])
    header = [
        share_words("share", rows[0]["budget_of"]),
        "variant",
        "status",
        "float32",
        "int8",
        "difference (points)",
    ]
    header += ["95 %, these networks", words.new_header(list(rows)), "same answers"]
    return table(header, cells)


def _size(rows: Rows) -> str:
    before, after = rows[0]["float32_bytes"], rows[0]["int8_bytes"]
    return (
        f"{name_of(rows[0]['variant'])} {before / 1e6:.2f} MB in float32, {after / 1e6:.2f} MB in "
        f"8 bits ({after / before:.2f} of it)"
    )
