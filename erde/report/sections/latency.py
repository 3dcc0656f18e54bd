"""The report's section on seconds: measured speed-ups beside what MACs promise."""

import html

from erde.report.charts import Chart, Table
from erde.report.tables import html_table
from erde_torch.latency.measure import break_even

_COLORS = ("#0072B2", "#D55E00", "#009E73")
_INTRO = """
<p>MACs alone mislead: early heads read many weights for few multiplications, and every operation
costs something however small it is. Student {student}, θ chosen on validation. Every network goes
from test images to class and probability; teacher and "no exits" run without early heads. Below
the bars stand the budget, as a share of the teacher's MACs, or the largest loss of accuracy.</p>
<p class="quiet">Measured on {machine}, by the wall clock. All networks of one batch size take turns
in one process; each round classifies the same images, one round (and before it one call) warms up
and is not counted, and on a GPU every call is synchronised. A speed-up is the median over rounds
(lowest – highest) against the teacher in the same runtime. Another machine gives other
numbers.</p>
"""


def latency_charts(latency: Table) -> list[Chart]:
    """One chart per batch size: the ratio of MACs, then what each runtime makes of it."""
    return [_chart(latency, batch) for batch in dict.fromkeys(row["batch"] for row in latency)]


def latency_html(latency: Table, charts: str) -> str:
    """The section; ``charts`` is where its charts go."""
    if not latency:
        return "<p>Nothing was timed for this report (<code>latency: false</code>).</p>"
    named = {key: html.escape(latency[0][key]) for key in ("student", "machine")}
    return _INTRO.format(**named) + charts + _paying(latency) + _table(latency)


def _chart(latency: Table, batch: str) -> Chart:
    rows = [row for row in latency if row["batch"] == batch]
    runtimes = list(dict.fromkeys(row["runtime"] for row in rows))
    promised = [row for row in rows if row["runtime"] == runtimes[0]]
    traces = [_bars(promised, "macs_ratio", "ratio of MACs", "#bbbbbb")]
    for runtime, color in zip(runtimes, _COLORS, strict=False):
        mine = [row for row in rows if row["runtime"] == runtime]
        traces.append(_bars(mine, "speed_up", runtime, color))
    title = f"Batch {batch}"
    return {"traces": traces, "x": "", "y": "times faster than the teacher", "title": title}


def _bars(rows: Table, column: str, name: str, color: str) -> Chart:
    bars = {
        "x": [_short(row["network"]) for row in rows],
        "y": [float(row[column]) for row in rows],
    }
    return {"type": "bar", "name": name, "marker": {"color": color}} | bars


def _short(network: str) -> str:
    """A name that fits below a bar on a telephone."""
    short = network.removeprefix("student, ").removeprefix("exits, ").split(" of ")[0]
    return short.replace("at most", "≤").removesuffix(" lost")


def _paying(latency: Table) -> str:
    sentences = []
    for runtime, network, batches in break_even(latency):
        paying = f"batch {', '.join(map(str, batches))}" if batches else "no batch size measured"
        sentences.append(f"{runtime}, {network}: at {paying}.")
    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
    title = "Where leaving early is faster than the same student without exits"
    return f"<h3>{title}</h3><ul>{items}</ul>"


def _table(latency: Table) -> str:
    rows = []
    for row in latency:
        milliseconds = [f"{float(row[f'p{p}_ms']):.2f}" for p in (50, 95, 99)]
        ends = " – ".join(f"{float(row[f'speed_up_{end}']):.2f}" for end in ("lowest", "highest"))
        rows.append(
            [row["batch"], row["runtime"], row["network"], f"{float(row['macs']) / 1e6:.2f}"]
            + [row["calls"], *milliseconds, f"{float(row['speed_up']):.2f} ({ends})"]
            + [f"{float(row[k]):.2f}" for k in ("macs_ratio", "speed_up_over_no_exits")]
        )
    header = ["batch", "runtime", "network", "M MACs", "calls", "p50 ms", "p95 ms", "p99 ms"]
    return html_table([*header, "times faster", "ratio of MACs", "× no exits"], rows)
