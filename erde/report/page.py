"""The page itself: everything inlined, nothing fetched."""

import html
import json
import math
from pathlib import Path

from plotly.offline import get_plotlyjs

from erde.experiment.names import name_of
from erde.report import charts
from erde.report.charts import Chart, Table
from erde.report.curves import curve
from erde.report.sections.all import sections_html
from erde.report.sections.latency import latency_charts
from erde.report.source import Source

_HERE = Path(__file__).parent


def report_page(source: Source) -> str:
    """The whole report as one HTML document."""
    shown = _charts(source)
    sections = sections_html(source, shown)
    data = json.dumps(_data(source, shown), allow_nan=False).replace("</", "<\\/")
    title = html.escape(f"{source.experiment}: from a curve to a decision")
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{title}</title><style>{style}</style></head>'
        f"<body><h1>{title}</h1>{sections}"
        f'<script type="application/json" id="data">{data}</script>'
        f"<script>{get_plotlyjs()}</script><script>{script}</script></body></html>"
    )


def _data(source: Source, shown: dict[str, Chart]) -> dict[str, object]:
    first = next(iter(source.students.values()))
    variants = charts.style_of([variant for variant, _ in source.students])
    return {
        "macs": first.macs.tolist(),
        "teacher_macs": int(source.teacher.macs[-1]),
        "log_classes": math.log(first.test.logits.shape[2]),
        "names": {variant: name_of(variant) for variant in variants},
        "networks": [
            {"variant": variant, "seed": seed}
            | {name: curve(getattr(student, name), student.macs) for name in ("val", "test")}
            | {"certified": _certified(source.csv["operating_points"], variant, seed)}
            for (variant, seed), student in source.students.items()
        ],
        "charts": shown,
    }


def _certified(operating: Table, variant: str, seed: int) -> list[dict[str, object]]:
    """The certified thresholds of one network, strictest guarantee first."""
    return [
        {"epsilon": r["value"], "threshold": float(r["threshold_nats"])}
        for r in operating
        if (r["variant"], r["seed"], r["goal"]) == (variant, str(seed), "certified")
        and r["status"] == "ok"
    ]


def _charts(source: Source) -> dict[str, Chart]:
    csv = source.csv
    found = {"pareto": charts.pareto_chart(csv["bands"], csv["teacher"], csv["rivals"])}
    groups = {
        "difference": charts.difference_charts(csv["comparison"]),
        "latency": latency_charts(csv["latency"]),
        "audit": charts.audit_charts(csv["audit"]),
        "reliability": charts.reliability_charts(csv["reliability"]),
    }
    for name, members in groups.items():
        found |= {f"{name}{i}": chart for i, chart in enumerate(members)}
    return found
