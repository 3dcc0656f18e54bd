"""The report's sections: what each table and chart is, in plain words, and where it stands."""

import html
from collections.abc import Mapping

from erde.evaluation.operating_points import DELTA, EPSILONS, REFERENCE_DROP, reference_threshold
from erde.experiment.names import name_of, shown_label
from erde.report import tables, verdicts
from erde.report.charts import SEEDS_FOR_BAND, Chart
from erde.report.pictures import example_rows, pictures_html
from erde.report.sections.latency import latency_html
from erde.report.source import Source

_EXPLORER = """
<p>Thresholds θ are entropies in nats: an image leaves at the first exit that is surer than θ.
Moving the slider gives all networks the same θ. A budget is met by each network with its own θ,
chosen on the validation images; every number shown is counted on the test images.</p>
<div class="controls">
<div><label for="slider">θ, by slider</label>
<input id="slider" type="range" min="0" max="1000" value="600" step="1"></div>
<div><label for="theta">θ (nats)</label>
<input id="theta" type="number" min="0" step="any"></div>
<div><label for="budget">budget (M MACs)</label>
<input id="budget" type="number" min="0" step="any"></div>
<div><label for="seed">networks</label>
<select id="seed"><option value="all">mean over the seeds</option>{seeds}</select></div>
</div>
<p class="message" id="message" role="alert"></p>
<div class="scroll"><table><thead><tr><th>variant</th><th>θ</th><th>test accuracy</th>
<th>M MACs</th><th>of the teacher</th><th>leave at each exit (%)</th><th>certified</th></tr></thead>
<tbody id="now"></tbody></table></div>
<p class="quiet">certified: with probability at least {confidence:.0%} over the validation images,
for each network by itself and for ε = {epsilons} together, at most this share of new images is
spoilt, that is answered wrongly by their early exit and rightly by the full network. For the mean
over the seeds, the weakest certificate counts.</p>
<div class="chart" id="pareto"></div>
<p class="quiet">Lines: mean over the seeds of the best test point at or under each budget. Bands:
95 % interval {band}. Markers: the choice above.</p>
"""
_THRESHOLDS = """
<p>Chosen on validation, measured on test; means over the seeds. The θ of each network stands in
<code>operating_points.csv</code>.</p>
"""
_DIFFERENCES = """
<p>95 % intervals, paired over test images and seeds: thick for these trained networks on new
images, thin for newly trained networks too.</p>
"""
_RIVALS = """
<p>Plain networks of the same cost as each of the student's exits, distilled from the teacher's last
exit with the settings of KD: the student cut off there, and the whole student made narrower. θ is
chosen on validation.</p>
"""
_AUDIT = """
<p>A student taught by ERDE should be unsure where the teacher's exit is wrong, and as sure as ever
where it is right. θ: {reference}.</p>
"""


def sections_html(source: Source, shown: Mapping[str, Chart]) -> str:
    """The body of the page, without its title and scripts."""
    csv, names = source.csv, source.dataset.class_names
    sections = [
        ("In short", _list(verdicts.pair_verdicts(csv["overall"], csv["comparison"]))),
        ("Try a threshold or a budget", _explorer(source)),
        (
            "Which threshold to set",
            _THRESHOLDS
            + tables.operating_table(csv["operating_points"])
            + "<h3>Is one threshold per exit better?</h3>"
            + tables.per_exit_table(csv["per_exit"]),
        ),
        (
            "How sure the differences are",
            _DIFFERENCES
            + _grid(shown, "difference")
            + tables.difference_table(csv["comparison"])
            + "<h3>Area under the curve</h3>"
            + tables.area_table(csv["areas"]),
        ),
        ("Is early exit worth it?", _rivals(source)),
        ("How long it takes", latency_html(csv["latency"], _grid(shown, "latency"))),
        (
            "Where the teacher is right, and where it is wrong",
            _AUDIT.format(reference=_reference())
            + _grid(shown, "audit")
            + tables.audit_table(csv["audit"]),
        ),
        (
            "Is an exit as sure as it is right?",
            _grid(shown, "reliability") + tables.exit_table(csv["exits"]),
        ),
        (
            "Accuracy by class",
            f"<p>θ: {_reference()}.</p>" + tables.class_table(csv["classes"], names),
        ),
        ("The easiest and the hardest images", _pictures(source)),
        ("What is behind it", _behind(source)),
    ]
    return "".join(f"<section><h2>{title}</h2>{body}</section>" for title, body in sections)


def _explorer(source: Source) -> str:
    seeds = dict.fromkeys(seed for _, seed in source.students)
    several = len(seeds) >= SEEDS_FOR_BAND
    return _EXPLORER.format(
        seeds="".join(f'<option value="{s}">seed {s}</option>' for s in seeds),
        confidence=1 - DELTA,
        epsilons=", ".join(f"{100 * e:g} %" for e in EPSILONS),
        band="for newly trained networks" if several else "for these trained networks",
    )


def _rivals(source: Source) -> str:
    rivals = source.csv["rivals"]
    if not rivals:
        return "<p>No plain networks were trained for this report (<code>rivals: false</code>).</p>"
    sentences = verdicts.rival_verdicts(rivals, shown_label(source.methods))
    return _RIVALS + _list(sentences) + tables.rival_table(rivals)


def _pictures(source: Source) -> str:
    shown = shown_label(source.methods)
    (variant, seed), student = next(s for s in source.students.items() if s[0][0] == shown)
    rows = example_rows(source.dataset, student, reference_threshold(student))
    intro = f"<p>Of {html.escape(name_of(variant))}, seed {seed}, at its own θ: {_reference()}.</p>"
    return intro + pictures_html(source.dataset, rows)


def _behind(source: Source) -> str:
    return "".join(
        f"<h3>{html.escape(title)}</h3><pre>{html.escape(text)}</pre>"
        for title, text in source.behind.items()
    )


def _reference() -> str:
    return f"the cheapest that loses at most {100 * REFERENCE_DROP:g} point of validation accuracy"


def _grid(shown: Mapping[str, Chart], name: str) -> str:
    charts = (f'<div class="chart" id="{key}"></div>' for key in shown if key.startswith(name))
    return f'<div class="charts">{"".join(charts)}</div>'


def _list(sentences: list[str]) -> str:
    if not sentences:
        return "<p>One variant alone: nothing to compare.</p>"
    return f"<ul>{''.join(f'<li>{html.escape(s)}</li>' for s in sentences)}</ul>"
