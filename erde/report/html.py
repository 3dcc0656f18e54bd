"""HTML from templates in which every value is escaped: tables, charts and their legends."""

from collections.abc import Mapping, Sequence

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from erde.report.charts import Chart, Key

Cell = str | int | None

_LONG = 15  # rows; a longer table is folded
_STACKED = 8  # rows that a telephone shows below each other, each as a list of its cells
_ENVIRONMENT = Environment(
    autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_TABLE = """
{% if folded %}<details><summary>All {{ rows|length }} rows</summary>{% endif %}
<div class="scroll" tabindex="0"><table{% if stacked %} class="stacked"{% endif %}>
<thead><tr>{% for cell in header %}<th>{{ cell }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in rows %}
<tr>{% for cell in row %}<td data-label="{{ header[loop.index0] }}"
{{- ' class="none"'|safe if cell is none }}>
{{- "–" if cell is none else cell }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% if folded %}</details>{% endif %}
"""
_LEGEND = """
<ul class="legend">
{% for key in keys %}
<li><svg width="34" height="14" aria-hidden="true">
{% if key.width %}
<line x1="1" x2="33" y1="7" y2="7" stroke="{{ key.color }}" stroke-width="{{ key.width }}"
 stroke-dasharray="{{ key.dashes }}"/>
{% endif %}
<text x="17" y="12" text-anchor="middle" fill="{{ key.color }}">{{ key.glyph }}</text>
</svg>{{ key.name }}</li>
{% endfor %}
</ul>
"""
_CHARTS = """
{% if keys %}{{ legend }}{% endif %}
<div class="{{ 'charts' if charts|length > 1 else 'alone' }}">
{% for id, chart in charts.items() %}
<figure class="plot">
{% if chart.title %}<figcaption>{{ chart.title }}</figcaption>{% endif %}
<div class="{{ 'matrix' if chart.cells else 'chart' }}" id="{{ id }}"></div>
</figure>
{% endfor %}
</div>
"""


def render(template: str, **values: object) -> Markup:
    """``template`` in Jinja's language with ``values``, which are escaped unless they are Markup.

    Raises:
        jinja2.UndefinedError: the template names a value that is not given.
    """
    return Markup(_ENVIRONMENT.from_string(template).render(**values))


def table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Markup:
    """A table; None is a dash. A long one is folded, a wide one scrolls sideways.

    On a narrow screen a short one shows its rows one below the other.
    """
    folded, stacked = len(rows) > _LONG, len(rows) <= _STACKED
    return render(_TABLE, header=header, rows=rows, folded=folded, stacked=stacked)


def chart_grid(charts: Mapping[str, Chart], keys: Sequence[Key] = ()) -> Markup:
    """The places of charts by id, side by side if there is room, below one legend for all."""
    return render(_CHARTS, charts=charts, keys=keys, legend=render(_LEGEND, keys=keys))
