"""What to ship for a budget: θ, cost and accuracy, beside the teacher's."""

from erde.evaluation.choice import theta_of
from erde.evaluation.tables.rows import Rows
from erde.experiment.names import name_of
from erde.report import words
from erde.report.html import Cell, render, table
from erde.report.section import Section
from erde.report.source import Source
from erde_core.store.tables import Row

_BODY = """
{% if lead %}
<p class="lead">For <b>{{ lead.teacher_share }} of the {{ lead.budget_of }}'s {{ cost }}</b>, ship
<b>{{ network }}</b> with <b>θ = {{ theta }} {{ unit }}</b>. It gets <b>{{ accuracy }}</b> of the
test images right at {{ macs }} million MACs each; the teacher gets {{ teacher_accuracy }} right
{{ teacher_cost }}.</p>
<dl class="readers">
<dt>If you ship these weights</dt><dd>{{ ship }}</dd>
<dt>If you train again</dt><dd>{{ again }}</dd>
</dl>
<p class="quiet">{{ why }}</p>
{% else %}
<p class="lead">No budget that was asked for reaches a student's first exit.</p>
{% endif %}
{{ table }}
<p class="quiet">Validation chooses θ of every network, then the variant with the best mean over its
seeds, of that variant the best network, and the budget to open with; the test images say what the
choice is worth. In brackets: 95 % intervals of the difference from the teacher in points of
accuracy, for this network on all images like these, and for the mean of newly trained ones. A θ
belongs to one network: <code>decision.csv</code> names it by its SHA-256.</p>
"""


_LARGEST, _SMALLEST = (f"The {which} of these budgets" for which in ("largest", "smallest"))


def decision_section(source: Source) -> Section:
    """The section; its rows are those of ``decision.csv``."""
    rows = source.rows["decision"]
    reached = [row for row in rows if theta_of(row) is not None]
    values: dict[str, object] = {"lead": None, "table": _table(rows)}
    if reached:
        lead, why = _lead(reached)
        values |= {
            "lead": lead,
            "why": why,
            "network": _network(lead),
            "theta": words.theta(theta_of(lead)),
            "unit": words.unit(lead.get("score", "entropy")),
            "accuracy": words.percent(lead["test_accuracy"]),
            "macs": words.megamacs(lead["test_mean_macs"]),
            "teacher_accuracy": words.percent(lead["teacher_accuracy"]),
            "cost": "cost" if lead["budget_of"] == "teacher" else "full cost",
            "teacher_cost": _teacher_cost(lead["teacher_macs"]),
            "ship": _told(lead["difference"], lead["difference_low"], lead["difference_high"]),
            "again": _told_again(lead),
        }
    return Section("What to ship", render(_BODY, **values))


def _teacher_cost(macs: int | None) -> str:
    return "at a cost that is not known" if macs is None else f"at {words.megamacs(macs)} million"


def _lead(reached: list[Row]) -> tuple[Row, str]:
    """The row to open with, by validation, and why. Rows go from the largest budget down."""
    told = [row for row in reached if row["val_difference_high"] is not None]
    if not told:
        return reached[0], f"{_LARGEST}; too few validation images to compare them."
    level = [row for row in told if row["val_difference_high"] >= 0]
    if level:
        return level[-1], f"{_SMALLEST} at which validation does not find it below the teacher."
    return reached[0], f"{_LARGEST}; at each of them validation finds it below the teacher."


def _told(difference: float, low: float | None, high: float | None) -> str:
    """A difference from the teacher as a sentence."""
    size = f"{words.points(difference)} points"
    if low is None or high is None:
        return f"{size} against the teacher; {words.TOO_FEW}."
    word = "Above" if low > 0 else "Below" if high < 0 else "Not told apart from"
    return f"{word} the teacher: {size}, 95 % interval {words.between(low, high)}."


def _told_again(lead: Row) -> str:
    if lead["seeds"] >= words.SEEDS_THAT_TELL:
        return _told(lead["again_difference"], lead["again_low"], lead["again_high"])
    if lead["seeds"] == 1:
        return "One seed says nothing of another: train three to five."
    ends = " and ".join(words.points(lead[f"seed_{end}"]) for end in ("lowest", "highest"))
    return f"Two seeds say nothing of a third: these lie at {ends} points. Train three to five."


def _table(rows: Rows) -> object:
    teacher = rows[0]
    share = "1/1" if teacher["budget_of"] == "teacher" else "(not known)"
    full: list[Cell] = [share, "the teacher", None, words.megamacs(teacher["teacher_macs"])]
    cells = [[*full, words.percent(teacher["teacher_accuracy"]), None, None, None]]
    cells += [_cells(row) for row in rows]
    unit = words.unit(teacher.get("score", "entropy"))
    header = ["budget", "network", f"θ ({unit})", "M MACs", "test accuracy"]
    return table([*header, "points", "if you ship these weights", "if you train again"], cells)


def _cells(row: Row) -> list[Cell]:
    if theta_of(row) is None:
        return [row["teacher_share"], row["status"], *[None] * 6]
    limit = " (no limit)" if row["status"] == "saturated" else ""
    return [
        row["teacher_share"] + limit,
        _network(row),
        words.theta(theta_of(row)),
        words.megamacs(row["test_mean_macs"]),
        words.percent(row["test_accuracy"]),
        words.points(row["difference"]),
        _ship(row),
        _again(row),
    ]


def _network(row: Row) -> str:
    return f"{name_of(row['variant'])}, seed\N{NO-BREAK SPACE}{row['seed']}"


def _ship(row: Row) -> str:
    return words.for_these(row["difference_low"], row["difference_high"], "above it", "below it")


def _again(row: Row) -> str:
    return words.for_new(row, "above it", "below it", prefix="again")
