"""The page itself: everything inlined, nothing fetched."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from erde.evaluation.budgets import whole_of
from erde.evaluation.choice import theta_of
from erde.evaluation.tables.rows import Rows, where
from erde.experiment.names import name_of
from erde.report import words
from erde.report.charts import looks
from erde.report.curves import choices, curve
from erde.report.html import render
from erde.report.section import Section
from erde.report.sections import SECTIONS
from erde.report.source import Source

_HERE = Path(__file__).parent


def report_page(source: Source) -> str:
    """The whole report as one HTML document."""
    found = ((name, section(source)) for name, section in SECTIONS.items())
    sections = {name: section for name, section in found if section is not None}
    data = json.dumps(_data(source, sections), allow_nan=False).replace("</", "<\\/")
    return render(
        _text("page.html"),
        title=f"{source.experiment}: from a curve to a decision",
        sections=sections,
        style=Markup(_text("page.css")),
        script=Markup(_text("page.js")),
        plotly=Markup(get_plotlyjs()),
        data=Markup(data),
    )


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _data(source: Source, sections: Mapping[str, Section]) -> dict[str, object]:
    first = next(iter(source.networks.values()))
    charts = {id: c for section in sections.values() for id, c in section.charts.items()}
    return {
        "whole_macs": whole_of(source.teacher, source.students.values()).macs,
        "loosest": first.score.largest,
        "unsure": first.score.largest / 2 if first.score.name == "entropy" else first.score.largest,
        "unit": words.unit(first.score.label),
        "names": {variant: name_of(variant) for variant in looks(v for v, _ in source.networks)},
        "networks": [
            {"variant": variant, "seed": seed, "macs": student.macs.tolist()}
            | {"choices": choices(student)}
            | {"test": curve(student)}
            | {"certified": _certified(source.rows["operating_points"], variant, seed)}
            for (variant, seed), student in source.networks.items()
        ],
        "charts": {id: dataclasses.asdict(chart) for id, chart in charts.items()},
    }


def _certified(operating: Rows, variant: str, seed: int) -> list[dict[str, object]]:
    """The certified thresholds of one network, strictest guarantee first."""
    return [
        {"epsilon": row["value"], "threshold": theta_of(row)}
        for row in where(operating, variant=variant, seed=seed, goal="certified", status="ok")
    ]
