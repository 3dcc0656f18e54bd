"""Where the teacher is right, and where it is wrong: what the entropy term is for."""

from erde.evaluation.choice import REFERENCE_DROP
from erde.evaluation.tables.rows import Rows, distinct, mean_of, where
from erde.experiment.names import name_of
from erde.report import words
from erde.report.charts import Chart, bar_keys, bars, looks
from erde.report.html import Cell, chart_grid, render, table
from erde.report.section import Section
from erde.report.source import Source

# At which θ audit, classes and pictures are shown.
REFERENCE = f"the cheapest that loses at most {100 * REFERENCE_DROP:g} point of validation accuracy"
_BODY = """
<p>A student taught by ERDE should be unsure where the teacher's exit is wrong, and as sure as ever
where it is right. θ: {{ reference }}.</p>
{{ charts }}
{{ table }}
"""


def audit_section(source: Source) -> Section:
    """The section with two charts, ``audit0`` and ``audit1``; rows of ``audit.csv``."""
    rows = source.rows["audit"]
    charts = {f"audit{i}": chart for i, chart in enumerate(audit_charts(rows))}
    grid = chart_grid(charts, bar_keys(distinct(rows, "variant")))
    body = render(_BODY, reference=REFERENCE, charts=grid, table=_table(rows))
    return Section("Where the teacher is right, and where it is wrong", body, charts)


def audit_charts(audit: Rows) -> list[Chart]:
    """Mean student entropy per exit, where the teacher's exit was right and where it was wrong."""
    charts = []
    for right, word in ((True, "right"), (False, "wrong")):
        rows, exits = where(audit, teacher_right=right), distinct(audit, "exit")
        traces = []
        for variant, look in looks(distinct(audit, "variant")).items():
            values = [mean_of(where(rows, variant=variant, exit=e), "entropy_nats") for e in exits]
            traces.append(bars([f"exit {e}" for e in exits], values, name_of(variant), look.color))
        charts.append(
            Chart(traces, "", "mean entropy (nats)", f"Where the teacher's exit is {word}")
        )
    return charts


def _table(audit: Rows) -> object:
    cells: list[list[Cell]] = []
    keys = distinct(audit, "exit", "teacher_right", "variant")
    for e, right, variant in sorted(keys, key=lambda key: (key[0], not key[1])):
        mine = where(audit, exit=e, teacher_right=right, variant=variant)
        h = mean_of(mine, "entropy_nats")
        cells.append(
            [e, "right" if right else "wrong", mine[0]["images"], name_of(variant)]
            + [None if h is None else f"{h:.3f}"]
            + [words.percent(mean_of(mine, key)) for key in ("share_below_threshold", "accuracy")]
        )
    header = ["exit", "teacher", "images", "variant", "entropy (nats)"]
    return table([*header, "below θ", "accuracy"], cells)
