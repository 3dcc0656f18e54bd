"""Is early exit worth it? Against plain networks of the same cost."""

from erde.evaluation.tables.rows import Rows, distinct, where
from erde.experiment.names import name_of, shown_variant
from erde.report import words
from erde.report.html import Cell, render, table
from erde.report.section import Section
from erde.report.sections.envelope import TITLE
from erde.report.source import Source
from erde_core.store.tables import Row

_NONE = """<p>No plain network is held against early exit here: none were trained (<code>rivals:
false</code>), or no variant leaves as cheaply as one of them.</p>"""
_DEARER = "leaves later"
_BODY = """
<p>Plain networks of the same cost as each of the student's exits, distilled from the teacher's last
exit with the settings of KD{% if own_train %} (its own training, <code>{{ own_train }}</code>,
included){% endif %}: the student cut off there, and the whole student made narrower. θ is chosen on
validation. Early exit is {{ name }} here; the plain network is the one of the two that is
better on validation. Cascades and mixtures, the third way, stand under "{{ envelope }}".</p>
{{ verdicts }}
{% if few %}<p class="quiet">{{ few }}</p>{% endif %}
<h3>Every variant against every plain network</h3>
{{ all }}
"""


def rivals_section(source: Source) -> Section:
    """The section; a sentence where no rivals were trained."""
    rows, title = source.rows["rivals"], "Is early exit worth it?"
    if not rows:
        return Section(title, render(_NONE))
    shown = shown_variant(source.methods)
    kd = next((name for name, method in source.methods.items() if method == "kd"), "")
    body = render(
        _BODY,
        name=name_of(shown),
        own_train=source.own_train.get(kd),
        envelope=TITLE,
        verdicts=_verdicts(rows, shown),
        all=_table(rows),
        few=words.few_seeds(list(rows)),
    )
    return Section(title, body)


def rival_verdicts(rivals: Rows, variant: str) -> list[list[Cell]]:
    """A row per exit: ``variant`` against the plain network that is best on validation."""
    cells: list[list[Cell]] = []
    for e in distinct(rivals, "exit"):
        held = where(rivals, exit=e, variant=variant)
        if not held:  # with a network of its own, whose first exit is dearer
            budget = where(rivals, exit=e)[0]["budget_macs"]
            cells.append([f"{words.megamacs(budget)} M MACs", None, _DEARER, *[None] * 4])
            continue
        row = max(held, key=_on_validation)
        worth = ("worth it", "not worth it")
        low, high = row["these_seeds_low"], row["these_seeds_high"]
        cells.append(
            [
                f"{words.megamacs(row['budget_macs'])} M MACs",
                row["kind"],
                words.percent(row["variant_accuracy"]),
                words.percent(row["rival_accuracy"]),
                words.points(row["difference"]),
                words.for_these(low, high, *worth),
                words.for_new(row, *worth),
            ]
        )
    return cells


def _verdicts(rows: Rows, shown: str) -> object:
    header = ["budget", "plain network", "early exit", "plain", "points"]
    ends = ["if you ship these weights", "if you train again"]
    return table([*header, *ends], rival_verdicts(rows, shown))


def _on_validation(row: Row) -> float:
    """What chooses the rival; a table from before that column goes by the test images."""
    return float(
        row["rival_accuracy"] if row["rival_val_accuracy"] is None else row["rival_val_accuracy"]
    )


def _table(rows: Rows) -> object:
    cells = []
    for row in rows:
        costs = " / ".join(str(words.megamacs(row[f"{k}_macs"])) for k in ("variant", "rival"))
        cells.append(
            [
                *(words.megamacs(row["budget_macs"]), row["kind"], name_of(row["variant"]), costs),
                *(words.percent(row[f"{k}_accuracy"]) for k in ("variant", "rival")),
                words.points(row["difference"]),
                words.between(row["these_seeds_low"], row["these_seeds_high"]),
                words.new_interval(row),
            ]
        )
    header = ["budget (M MACs)", "plain network", "early exit", "M MACs of each", "early exit"]
    ends = ["plain", "points", "95 %, these networks", words.new_header(list(rows))]
    return table([*header, *ends], cells)
