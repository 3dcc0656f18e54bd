"""A slider along the exact curves, and the picture of accuracy over cost."""

from collections.abc import Iterable

from erde.evaluation.budgets import whole_of
from erde.evaluation.operating_points import DELTA, EPSILONS
from erde.evaluation.tables.rows import Rows, distinct, where
from erde.experiment.names import name_of
from erde.report import words
from erde.report.charts import Chart, Key, Trace, lines, log_ticks, looks, marks
from erde.report.html import chart_grid, render
from erde.report.section import Section
from erde.report.source import Source
from erde.report.words import SEEDS_THAT_TELL
from erde_core.store.tables import Row

_BODY = """
<p>{{ meaning }}: an image leaves at the first exit that is surer than θ.
Moving the slider gives all networks the same θ. A budget is met by each network with its own θ,
chosen on the validation images; every number shown is counted on the test images.</p>
<div class="controls">
<div><label for="slider">θ, by slider</label>
<input id="slider" type="range" min="0" max="1000" value="600" step="1"></div>
<div><label for="theta">θ ({{ unit }})</label>
<input id="theta" type="number" min="0" step="any"></div>
<div><label for="budget">budget (M MACs)</label>
<input id="budget" type="number" min="0" step="any"></div>
<div><label for="seed">networks</label>
<select id="seed"><option value="all">mean over the seeds</option>
{% for seed in seeds %}<option value="{{ seed }}">seed {{ seed }}</option>{% endfor %}
</select></div>
</div>
<p class="message" id="message" role="alert"></p>
<div class="scroll" tabindex="0"><table class="stacked"><thead><tr id="columns"><th>variant</th>
<th>θ</th><th>test accuracy</th><th>M MACs</th><th>of the {{ whole }}</th>
<th>leave at each exit (%)</th><th>certified</th></tr></thead>
<tbody id="now"></tbody></table></div>
<p class="quiet">certified: with probability at least {{ "%.0f"|format(100 * confidence) }} % over
the validation images, for each network by itself and for ε = {{ epsilons }} together, at most this
share of new images is harmed, that is answered wrongly by their early exit and rightly by the full
network. For the mean over the seeds, the weakest certificate counts.</p>
{{ chart }}
<p class="quiet">Lines: mean over the seeds of the best test point at or under each budget. Bands:
95 % interval for {{ band }}. Markers: the choice above.</p>
"""
_STAR = Key("teacher's exits", "#000000", glyph="★")
_KINDS = {
    "truncated": ("x-thin-open", Key("plain, truncated", "#000000", glyph="×")),
    "narrow": ("cross-thin-open", Key("plain, narrow", "#000000", glyph="+")),
}


def explorer_section(source: Source) -> Section:
    """The section with the picture ``pareto``; what moves is the page's own."""
    rows = source.rows
    chart, keys = pareto_chart(rows["bands"], rows["teacher_exits"], rows["rivals"])
    seeds = list(dict.fromkeys(seed for _, seed in source.students))
    several = len(seeds) >= SEEDS_THAT_TELL
    label = next(iter(source.students.values())).score.label
    meaning = "Thresholds θ are entropies in nats"
    body = render(
        _BODY,
        meaning=meaning if label == "entropy" else f"Thresholds θ are values of the score {label}",
        unit=words.unit(label),
        seeds=seeds,
        whole=whole_of(source.teacher, source.students.values()).of,
        confidence=1 - DELTA,
        epsilons=", ".join(f"{100 * e:g} %" for e in EPSILONS),
        band="newly trained networks" if several else "these trained networks",
        chart=chart_grid({"pareto": chart}, keys),
    )
    return Section("Try a threshold or a budget", body, {"pareto": chart})


def pareto_chart(bands: Rows, teacher: Rows, rivals: Rows) -> tuple[Chart, list[Key]]:
    """Accuracy over cost with 95 % bands; the last traces are the page's markers.

    ``rivals`` (plain networks of the same cost) may be empty.

    Bands are for new seeds where there are three or more, else for these seeds. The page finds
    its markers by ``meta``, the variant's name.
    """
    shown, traces = looks(distinct(bands, "variant")), list[Trace]()
    keys = [look.key(variant, marker=True) for variant, look in shown.items()]
    for variant, look in shown.items():
        rows = where(bands, variant=variant)
        x = [row["budget_macs"] / 1e6 for row in rows]
        band = _band(rows)
        if band:
            low, high = band
            shape = {"x": x + x[::-1], "y": high + low[::-1], "fill": "toself", "mode": "lines"}
            quiet = {"opacity": 0.12, "line": {"width": 0}, "hoverinfo": "skip"}
            traces.append(shape | quiet | {"type": "scatter", "fillcolor": look.color})
        y = [100 * row["accuracy"] for row in rows]
        line = {"color": look.color, "dash": look.dash, "width": 2}
        traces.append(lines(x, y, name_of(variant), line))
    exits = [(r["macs"] / 1e6, 100 * r["test_accuracy"]) for r in teacher if r["macs"] is not None]
    if exits:
        traces.append(_points(exits, _STAR.name, {"symbol": "star"}))
        keys.append(_STAR)
    for kind, (symbol, key) in _KINDS.items():
        found = where(rivals, kind=kind)
        places = dict.fromkeys((r["rival_macs"] / 1e6, 100 * r["rival_accuracy"]) for r in found)
        if places:
            traces.append(_points(places, key.name, {"symbol": symbol, "line": {"width": 2}}))
            keys.append(key)
    for variant, look in reversed(shown.items()):  # the first on top
        mark = {"symbol": look.symbol, "size": 13, "color": look.color}
        mark |= {"line": {"color": "#ffffff", "width": 1.5}}
        traces.append(marks([None], [None], f"{name_of(variant)} now", mark) | {"meta": variant})
    budgets = [r["budget_macs"] / 1e6 for r in bands]
    least, most = min(budgets), exits[-1][0] if exits else max(budgets)
    ticks = log_ticks(least / 1.2, most * 1.2)
    title = "mean cost per image (million MACs, log scale)"
    return Chart(traces, title, "test accuracy (%)", log_ticks=ticks), keys


def _points(places: Iterable[tuple[float, float]], name: str, mark: Row) -> Trace:
    x, y = zip(*places, strict=True)
    return marks(x, y, name, {"size": 11, "color": "#000000"} | mark)


def _band(rows: Rows) -> tuple[list[float], list[float]] | None:
    """Lower and upper ends in %; None where the test images are too few for any interval."""
    kind = "new" if rows[0]["seeds"] >= SEEDS_THAT_TELL else "these"
    ends = [[row[f"{kind}_seeds_{side}"] for row in rows] for side in ("low", "high")]
    if any(end is None for side in ends for end in side):
        return None
    low, high = ([100 * min(max(end, 0), 1) for end in side] for side in ends)
    return low, high
