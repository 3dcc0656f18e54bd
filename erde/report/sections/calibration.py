"""Is an exit as sure as it is right? Reliability curves."""

from erde.evaluation.tables.rows import Rows, distinct, mean_of, where
from erde.experiment.names import name_of
from erde.report import words
from erde.report.charts import Chart, Key, lines, looks
from erde.report.html import chart_grid, render, table
from erde.report.section import Section
from erde.report.source import Source

_GREY = "#bbbbbb"
_BODY = """
<p>On the grey line, confidence is honest: of the answers with 80 % confidence, 80 % are right.
Below it an exit boasts, and lets images leave too early.</p>
{{ charts }}
{{ table }}
"""


def calibration_section(source: Source) -> Section:
    """The section; its charts are ``reliability0`` and so on."""
    rows = source.rows["reliability"]
    charts = {f"reliability{i}": chart for i, chart in enumerate(reliability_charts(rows))}
    shown = looks(distinct(rows, "variant"))
    keys = [*(look.key(variant) for variant, look in shown.items()), Key("honest", _GREY, 1)]
    body = render(_BODY, charts=chart_grid(charts, keys), table=_table(source.rows["exits"]))
    return Section("Is an exit as sure as it is right?", body, charts)


def reliability_charts(reliability: Rows) -> list[Chart]:
    """Accuracy over confidence per exit; seeds pooled by their numbers of images."""
    charts = []
    for e in distinct(reliability, "exit"):
        traces = [lines([0, 1], [0, 1], "honest", {"color": _GREY, "width": 1})]
        for variant, look in looks(distinct(reliability, "variant")).items():
            x, y = _pooled(where(reliability, exit=e, variant=variant))
            traces.append(lines(x, y, name_of(variant), {"color": look.color, "dash": look.dash}))
        charts.append(Chart(traces, "confidence", "accuracy", f"Exit {e}"))
    return charts


def _pooled(rows: Rows) -> tuple[list[float], list[float]]:
    x, y = [], []
    for b in sorted(distinct(rows, "bin")):
        inside = where(rows, bin=b)
        images = sum(row["images"] for row in inside)
        x.append(sum(row["images"] * row["confidence"] for row in inside) / images)
        y.append(sum(row["images"] * row["accuracy"] for row in inside) / images)
    return x, y


def _table(exits: Rows) -> object:
    cells = []
    for e, variant in sorted(distinct(exits, "exit", "variant"), key=lambda key: int(key[0])):
        mine = where(exits, exit=e, variant=variant)
        values = [words.percent(mean_of(mine, k)) for k in ("test_accuracy", "calibration_error")]
        cells.append([e, name_of(variant), words.megamacs(mine[0]["macs"]), *values])
    return table(["exit", "variant", "M MACs", "accuracy", "calibration error"], cells)
