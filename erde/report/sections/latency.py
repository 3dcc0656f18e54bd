"""How long it takes: measured speed-ups beside what MACs promise."""

from erde.evaluation.latency import break_even, disturbances
from erde.evaluation.tables.rows import Rows, distinct, where
from erde.report import words
from erde.report.charts import Chart, Key, Trace, bars
from erde.report.html import Cell, chart_grid, render, table
from erde.report.section import Section
from erde.report.source import Source

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
_NONE = """<p>Nothing was timed for this report: it is not wanted (<code>latency: false</code>), or
the teacher, against which speed-ups are measured, is no network of PyTorch.</p>"""
_BODY = """
{% if warnings %}
<div class="warning" role="note"><b>Read these times with care.</b> {{ warnings }}</div>
{% endif %}
<p>MACs alone mislead: early heads read many weights for few multiplications, and every operation
costs something however small it is. Student {{ student }}, θ chosen on validation. Every network
goes from test images to class and probability; teacher and "no exits" run without early heads.
Below the bars stand the budget, as a share of what budgets are of, or the largest loss of
accuracy.</p>
{{ charts }}
<p class="quiet">Measured on {{ machine }}, by the wall clock. All networks of one batch size take
turns in one process; each round classifies the same images, one round (and before it one call)
warms up and is not counted, and on a GPU every call is synchronised. A speed-up is the median over
rounds against the teacher in the same runtime; the line on a bar goes from the slowest round to the
fastest. Another machine gives other numbers.</p>
<h3>Where leaving early is faster than the same student without exits</h3>
{{ paying }}
{{ all }}
"""


def latency_section(source: Source) -> Section:
    """The section; its charts are ``latency0`` and so on, a sentence where nothing was timed."""
    rows, title = source.rows["latency"], "How long it takes"
    if not rows:
        return Section(title, render(_NONE))
    charts = {f"latency{i}": chart for i, chart in enumerate(latency_charts(rows))}
    runtimes = zip(distinct(rows, "runtime"), _COLORS, strict=False)
    keys = [Key("ratio of MACs", "#bbbbbb", 10), *(Key(name, c, 10) for name, c in runtimes)]
    body = render(
        _BODY,
        warnings=" ".join(disturbances(rows)),
        student=rows[0]["student"],
        machine=rows[0]["machine"],
        charts=chart_grid(charts, keys),
        paying=_paying(rows),
        all=_table(rows),
    )
    return Section(title, body, charts)


def latency_charts(latency: Rows) -> list[Chart]:
    """One chart per batch size: the ratio of MACs, then what each runtime makes of it."""
    return [_chart(where(latency, batch=batch), batch) for batch in distinct(latency, "batch")]


def _chart(rows: Rows, batch: int) -> Chart:
    runtimes = distinct(rows, "runtime")
    promised = where(rows, runtime=runtimes[0])
    names = [_short(row["network"]) for row in promised]
    traces = [bars(names, [row["macs_ratio"] for row in promised], "ratio of MACs", "#bbbbbb")]
    for runtime, color in zip(runtimes, _COLORS, strict=False):
        traces.append(_measured(where(rows, runtime=runtime), runtime, color))
    return Chart(traces, "", "× faster than the teacher", f"Batch {batch}")


def _measured(rows: Rows, name: str, color: str) -> Trace:
    shown = [_short(row["network"]) for row in rows]
    reach = {
        "array": [row["speed_up_highest"] - row["speed_up"] for row in rows],
        "arrayminus": [row["speed_up"] - row["speed_up_lowest"] for row in rows],
    }
    line = {"type": "data", "symmetric": False, "thickness": 1.2, "width": 3}
    return bars(shown, [row["speed_up"] for row in rows], name, color) | {"error_y": line | reach}


def _short(network: str) -> str:
    """A name that fits below a bar on a telephone."""
    short = network.removeprefix("student, ").removeprefix("exits, ").split(" of ")[0]
    return short.replace("at most", "≤").removesuffix(" lost")


def _paying(latency: Rows) -> object:
    found = {(runtime, network): batches for runtime, network, batches in break_even(latency)}
    runtimes = distinct(latency, "runtime")
    cells: list[list[Cell]] = []
    for network in dict.fromkeys(network for _, network in found):
        batches = [found.get((runtime, network)) for runtime in runtimes]
        # In 8 bits the student may have other operating points.
        shown = [None if b is None else ", ".join(map(str, b)) or "never" for b in batches]
        cells.append([network, *shown])
    return table(["at batch", *runtimes], cells)


def _table(latency: Rows) -> object:
    cells: list[list[Cell]] = []
    for row in latency:
        milliseconds = [f"{row[f'p{p}_ms']:.2f}" for p in (50, 95, 99)]
        ends = f"{row['speed_up_lowest']:.2f} – {row['speed_up_highest']:.2f}"
        spread = row["round_spread"]
        cells.append(
            [row["batch"], row["runtime"], row["network"], words.megamacs(row["macs"])]
            + [row["calls"], *milliseconds, f"{row['speed_up']:.2f} ({ends})"]
            + [f"{row[k]:.2f}" for k in ("macs_ratio", "speed_up_over_no_exits")]
            + [None if spread is None else f"{100 * spread:.0f}\N{NO-BREAK SPACE}%"]
        )
    header = ["batch", "runtime", "network", "M MACs", "calls", "p50 ms", "p95 ms", "p99 ms"]
    header += ["times faster", "ratio of MACs", "× no exits", "spread of rounds"]
    return table(header, cells)
