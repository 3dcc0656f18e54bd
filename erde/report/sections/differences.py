"""How sure the differences between the variants are."""

from collections.abc import Sequence

from erde.evaluation.precisions import mixed_training, trained_in
from erde.evaluation.tables.rows import Rows, distinct, where
from erde.experiment.names import name_of
from erde.report import words
from erde.report.charts import Chart, Key, Trace, marks
from erde.report.html import Cell, chart_grid, render, table
from erde.report.section import Section
from erde.report.source import Source
from erde_core.store.tables import Row

_BODY = """
{% if own_train %}
<p>Some variants are trained with settings of their own, all others being those of the student:
{% for name, keys in own_train %}{{ name }} with
<code>{{ keys }}</code>{{ "." if loop.last else "; " }}{% endfor %}</p>
{% endif %}
{% if mixed %}<p>Caution: {{ mixed }}.</p>{% endif %}
{% if charts %}
{% if overall %}
<p>Each pair over 20 equal budgets together: the mean difference in accuracy, in points. Validation
chooses θ of each network for each budget.</p>
{{ overall }}
{% endif %}
{% if apart %}<p>No cost that both can meet: {{ apart }}.</p>{% endif %}
{% if few %}<p class="quiet">{{ few }}</p>{% endif %}
<p>Budget by budget and threshold by threshold, paired over test images and seeds:</p>
{{ charts }}
{{ all }}
{% else %}
<p>One variant alone: nothing to compare.</p>
{% endif %}
<h3>Area under the curve</h3>
{{ areas }}
"""
_THICK, _THIN = "#8CC4E6", "#D55E00"


def differences_section(source: Source) -> Section:
    """The section; its charts are ``difference0`` and so on."""
    rows = source.rows["comparison"]
    charts = {f"difference{i}": chart for i, chart in enumerate(difference_charts(rows))}
    verdicts = pair_verdicts(source.rows["overall"], rows)
    body = render(
        _BODY,
        own_train=[(name_of(name), keys) for name, keys in source.own_train.items()],
        mixed=mixed_training(trained_in(source.networks)),
        overall=_overall(verdicts),
        apart=", ".join(_apart(source.rows["overall"], rows)),
        few=words.few_seeds(list(rows)),
        charts=chart_grid(charts, _keys(rows)) if charts else None,
        all=_table(rows) if rows else None,
        areas=_areas(source.rows["areas"]),
    )
    return Section("How sure the differences are", body, charts)


def pair_verdicts(overall: Rows, comparison: Rows) -> list[list[Cell]]:
    """A row per pair at equal MACs: over all budgets, and at how many it is certain."""
    cells: list[list[Cell]] = []
    for row in where(overall, equal="macs"):
        pair = {key: row[key] for key in ("variant", "against", "equal")}
        low, high = row["these_seeds_low"], row["these_seeds_high"]
        cells.append(
            [
                f"{name_of(row['variant'])} against {name_of(row['against'])}",
                words.points(row["difference"]),
                words.for_these(low, high, "better", "worse"),
                _count(where(comparison, **pair)),
                words.for_new(row, "better", "worse"),
            ]
        )
    return cells


def difference_charts(comparison: Rows) -> list[Chart]:
    """One chart per pair and per kind of equality: thick these networks, thin new seeds.

    Of fewer than three seeds thin is their range.
    """
    charts = []
    for equal, variant, against in distinct(comparison, "equal", "variant", "against"):
        rows = where(comparison, equal=equal, variant=variant, against=against)
        x = [row["at"] * (1e-6 if equal == "macs" else 1) for row in rows]
        several = rows[0]["seeds"] >= words.SEEDS_THAT_TELL
        thin = ("new_seeds_low", "new_seeds_high") if several else ("seed_lowest", "seed_highest")
        thick = ("these_seeds_low", "these_seeds_high")
        traces = [_bars(x, rows, thin, 1.5, _THIN), _bars(x, rows, thick, 5, _THICK)]
        title = (
            f"{name_of(variant)} − {name_of(against)}, equal {'MACs' if equal == 'macs' else 'θ'}"
        )
        unit = words.unit(rows[0].get("score", "entropy"))
        label = "cost (million MACs)" if equal == "macs" else f"θ ({unit})"
        charts.append(Chart(traces[::-1], label, "points of accuracy", title))
    return charts


def _bars(x: Sequence[float], rows: Rows, ends: tuple[str, str], width: float, color: str) -> Trace:
    y = [100 * row["difference"] for row in rows]
    reach = {
        name: [0 if row[end] is None else 100 * abs(row[end] - row["difference"]) for row in rows]
        for name, end in zip(("arrayminus", "array"), ends, strict=True)
    }
    bar = {"type": "data", "symmetric": False, "thickness": width, "width": 0, "color": color}
    trace = marks(x, y, "difference", {"size": 5, "color": "#1a1a1a"})
    return trace | {"error_y": bar | reach}


def _keys(comparison: Rows) -> list[Key]:
    seeds = max((row["seeds"] for row in comparison), default=1)
    keys = [Key("95 % for these networks", _THICK, 5)]
    if seeds >= words.SEEDS_THAT_TELL:
        keys.append(Key("95 % for newly trained ones", _THIN, 2))
    elif seeds > 1:
        keys.append(Key("range of the two seeds", _THIN, 2))
    return keys


def _count(rows: Rows) -> str:
    told = [row for row in rows if row["these_seeds_low"] is not None]
    above = sum(row["these_seeds_low"] > 0 for row in told)
    below = sum(row["these_seeds_high"] < 0 for row in told)
    return f"above at {above}, below at {below}, open at {len(rows) - above - below}"


def _apart(overall: Rows, comparison: Rows) -> list[str]:
    """Pairs that are compared at equal θ alone."""
    pairs = distinct(comparison, "variant", "against")
    held = distinct(where(overall, equal="macs"), "variant", "against") if overall else []
    return [f"{name_of(a)} and {name_of(b)}" for a, b in pairs if (a, b) not in held]


def _overall(verdicts: list[list[Cell]]) -> object:
    if not verdicts:
        return None
    header = [
        "pair",
        "points",
        "these networks",
        "these networks, one by one",
        "if you train again",
    ]
    return table(header, verdicts)


def _table(comparison: Rows) -> object:
    cells = []
    for row in comparison:
        macs = row["equal"] == "macs"
        held = f"{words.megamacs(row['at'])} M MACs" if macs else f"θ = {row['at']:.3f}"
        costs = [str(words.megamacs(row[k])) for k in ("variant_macs", "against_macs")]
        pair = f"{name_of(row['variant'])} − {name_of(row['against'])}"
        cells.append([pair, held, " / ".join(costs), *_intervals(row, row["difference"])])
    header = ["pair", "at equal", "M MACs of each", "points", "95 %, these networks"]
    return table([*header, words.new_header(list(comparison))], cells)


def _areas(areas: Rows) -> object:
    cells: list[list[Cell]] = []
    for row in areas:
        _, *ends = _intervals(row, row["area"])
        plain = [None if end is None else str(end).replace("+", "") for end in ends]
        cells.append([name_of(row["variant"]), f"{100 * row['area']:.2f}", *plain])
    header = ["variant", "mean accuracy over all budgets (%)", "95 %, these networks"]
    return table([*header, words.new_header(list(areas))], cells)


def _intervals(row: Row, value: float) -> list[Cell]:
    these = words.between(row["these_seeds_low"], row["these_seeds_high"])
    return [words.points(value), these, words.new_interval(row)]
