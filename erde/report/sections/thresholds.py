"""Which threshold to set: by share of the teacher, by allowed loss, certified, one per exit."""

from erde.evaluation.budgets import share_words
from erde.evaluation.tables.rows import Rows, distinct, mean_of, where
from erde.experiment.names import name_of
from erde.report import words
from erde.report.html import Cell, render, table
from erde.report.section import Section
from erde.report.source import Source
from erde_core.store.tables import Row

_BODY = """
<p>Chosen on validation, measured on test; means over the seeds. The θ of each network stands in
<code>operating_points.csv</code>.</p>
{{ short }}
{{ operating }}
<h3>Is one threshold per exit better?</h3>
<p>{{ gains }} {{ few }}</p>
{{ per_exit }}
"""


def thresholds_section(source: Source) -> Section:
    """The section; its tables are those of ``operating_points.csv`` and ``per_exit.csv``."""
    per_exit = where(source.rows["per_exit"], status="ok")
    body = render(
        _BODY,
        short=_short(source.rows["operating_points"]),
        gains=_gains(per_exit),
        operating=_operating(source.rows["operating_points"]),
        per_exit=_per_exit(per_exit),
        few=words.few_seeds(per_exit),
    )
    return Section("Which threshold to set", body)


def _short(operating: Rows) -> object:
    """Accuracy and cost of each goal, a column per variant."""
    variants = distinct(operating, "variant")
    cells: list[list[Cell]] = []
    for goal, value in distinct(operating, "goal", "value"):
        found = [where(operating, goal=goal, value=value, variant=v) for v in variants]
        cells.append([_goal(found[0][0]), *map(_cost, found)])
    return table(["test accuracy at M MACs", *map(name_of, variants)], cells)


def _cost(rows: Rows) -> str:
    accuracy = words.percent(mean_of(rows, "test_accuracy"))
    if accuracy is None:
        return ", ".join(distinct(rows, "status"))
    return f"{accuracy} at {words.megamacs(mean_of(rows, 'test_mean_macs'))}"


def _gains(per_exit: Rows) -> str:
    told = [row for row in per_exit if row["these_seeds_low"] is not None]
    above = sum(row["these_seeds_low"] > 0 for row in told)
    below = sum(row["these_seeds_high"] < 0 for row in told)
    return (
        f"Of {len(per_exit)} variants and budgets it is better for these networks at {above}, "
        f"worse at {below}, and not told apart at {len(per_exit) - above - below}."
    )


def _goal(row: Row) -> str:
    goal, value = row["goal"], row["value"]
    if goal == "teacher_share":
        return share_words(value, row["budget_of"])
    return f"lost at most {value}" if goal == "drop" else f"certified, ε = {value}"


def _operating(operating: Rows) -> object:
    cells: list[list[Cell]] = []
    for goal, value in distinct(operating, "goal", "value"):
        for variant in distinct(operating, "variant"):
            mine = where(operating, goal=goal, value=value, variant=variant)
            cells.append(
                [
                    _goal(mine[0]),
                    name_of(variant),
                    ", ".join(distinct(mine, "status")),
                    words.percent(mean_of(mine, "test_accuracy")),
                    words.megamacs(mean_of(mine, "test_mean_macs")),
                    words.percent(mean_of(mine, "test_harm")),
                ]
            )
    header = ["goal (chosen on validation)", "variant", "status", "test accuracy", "M MACs"]
    return table([*header, "harmed answers"], cells)


def _per_exit(per_exit: Rows) -> object:
    cells = [
        [
            row["teacher_share"],
            name_of(row["variant"]),
            words.percent(row["one_accuracy"]),
            words.percent(row["each_accuracy"]),
            words.points(row["difference"]),
            words.between(row["these_seeds_low"], row["these_seeds_high"]),
            words.new_interval(row),
        ]
        for row in per_exit
    ]
    header = [
        share_words("share", per_exit[0]["budget_of"]) if per_exit else "share",
        "variant",
        "one θ",
        "θ per exit",
        "gain (points)",
    ]
    return table([*header, "95 %, these networks", words.new_header(list(per_exit))], cells)
