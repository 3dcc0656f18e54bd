"""The report's tables as HTML."""

import html
from collections.abc import Sequence

from erde.experiment.names import name_of
from erde.report.charts import Table, mean_over

Cell = str | float | int | None


def html_table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table that scrolls sideways on a narrow screen; None is a dash."""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def operating_table(operating: Table) -> str:
    """Means over the seeds per variant and goal; θ differs per seed, so it stays in the CSV."""
    words = {"teacher_share": "of the teacher's MACs", "drop": "lost at most", "certified": "ε ="}
    rows = []
    for goal, value in dict.fromkeys((r["goal"], r["value"]) for r in operating):
        shown = f"{value} {words[goal]}" if goal == "teacher_share" else f"{words[goal]} {value}"
        for variant in dict.fromkeys(r["variant"] for r in operating):
            mine = [
                r
                for r in operating
                if (r["goal"], r["value"], r["variant"]) == (goal, value, variant)
            ]
            states = ", ".join(dict.fromkeys(r["status"] for r in mine))
            rows.append([shown, name_of(variant), states, *_costs(mine)])
    header = ["goal (chosen on validation)", "variant", "status"]
    return html_table([*header, "test accuracy", "M MACs", "spoilt answers"], rows)


def _costs(rows: Table) -> list[Cell]:
    macs = mean_over(rows, "test_mean_macs")
    return [
        percent(mean_over(rows, "test_accuracy")),
        None if macs is None else f"{macs / 1e6:.2f}",
        percent(mean_over(rows, "test_harm")),
    ]


def per_exit_table(per_exit: Table) -> str:
    """What one threshold per exit gains over one for all, with its intervals."""
    rows = [
        [
            row["teacher_share"],
            name_of(row["variant"]),
            percent(_number(row["one_accuracy"])),
            percent(_number(row["each_accuracy"])),
            *_intervals(row),
        ]
        for row in per_exit
        if row["status"] == "ok"
    ]
    header = ["share of teacher", "variant", "one θ", "θ per exit", "gain (points)"]
    return html_table([*header, "95 %, these seeds", "95 %, new seeds"], rows)


def difference_table(comparison: Table) -> str:
    """All differences; at equal threshold what each side costs."""
    rows = []
    for row in comparison:
        at = float(row["at"])
        held = f"{at / 1e6:.2f} M MACs" if row["equal"] == "macs" else f"θ = {at:.3f}"
        pair = f"{name_of(row['variant'])} − {name_of(row['against'])}"
        costs = [f"{float(row[k]) / 1e6:.2f}" for k in ("variant_macs", "against_macs")]
        rows.append([pair, held, " / ".join(costs), *_intervals(row)])
    header = ["pair", "at equal", "M MACs of each", "difference (points)"]
    return html_table([*header, "95 %, these seeds", "95 %, new seeds"], rows)


def area_table(areas: Table) -> str:
    """Area under the curve per variant."""
    rows = [[name_of(row["variant"]), *_intervals(row, "area", sign="")] for row in areas]
    return html_table(
        ["variant", "mean accuracy (%)", "95 %, these seeds", "95 %, new seeds"], rows
    )


def audit_table(audit: Table) -> str:
    """Means over the seeds per variant, exit and whether the teacher's exit was right."""
    rows = []
    keys = dict.fromkeys((r["exit"], r["teacher_right"], r["variant"]) for r in audit)
    for e, right, variant in sorted(keys, key=lambda key: (key[0], -int(key[1]))):
        mine = [
            r for r in audit if (r["exit"], r["teacher_right"], r["variant"]) == (e, right, variant)
        ]
        h = mean_over(mine, "entropy_nats")
        rows.append(
            [e, "right" if right == "1" else "wrong", mine[0]["images"], name_of(variant)]
            + [None if h is None else f"{h:.3f}"]
            + [percent(mean_over(mine, key)) for key in ("share_below_threshold", "accuracy")]
        )
    header = ["exit", "teacher", "images", "variant", "entropy (nats)"]
    return html_table([*header, "below θ", "accuracy"], rows)


def exit_table(exits: Table) -> str:
    """Accuracy and calibration error of each exit, means over the seeds."""
    rows = []
    for e, variant in sorted(dict.fromkeys((r["exit"], r["variant"]) for r in exits)):
        mine = [r for r in exits if (r["exit"], r["variant"]) == (e, variant)]
        values = [percent(mean_over(mine, k)) for k in ("test_accuracy", "calibration_error")]
        macs = f"{float(mine[0]['macs']) / 1e6:.2f}"
        rows.append([e, name_of(variant), macs, *values])
    return html_table(["exit", "variant", "M MACs", "accuracy", "calibration error"], rows)


def class_table(classes: Table, names: Sequence[str]) -> str:
    """Accuracy by class at the reference threshold, means over the seeds, a column per variant."""
    variants = list(dict.fromkeys(row["variant"] for row in classes))
    rows = []
    for label, name in enumerate(names):
        here = [row for row in classes if int(row["class"]) == label]
        shown = [
            percent(mean_over([r for r in here if r["variant"] == v], "accuracy")) for v in variants
        ]
        rows.append([name, here[0]["images"], *shown])
    return html_table(["class", "images", *map(name_of, variants)], rows)


def rival_table(rivals: Table) -> str:
    """Early exit against plain networks at the cost of each of the student's exits."""
    rows = []
    for row in rivals:
        costs = " / ".join(f"{float(row[k]) / 1e6:.2f}" for k in ("variant_macs", "rival_macs"))
        budget = f"{float(row['budget_macs']) / 1e6:.2f} M MACs"
        accuracies = [percent(_number(row[f"{k}_accuracy"])) for k in ("variant", "rival")]
        names = [row["kind"], name_of(row["variant"])]
        rows.append([budget, *names, costs, *accuracies, *_intervals(row)])
    header = ["budget", "plain network", "early exit", "M MACs of each", "early exit", "plain"]
    return html_table(
        [*header, "difference (points)", "95 %, these seeds", "95 %, new seeds"], rows
    )


def percent(value: float | None) -> str | None:
    """A fraction as a percentage with two digits."""
    return None if value is None else f"{100 * value:.2f} %"


def _intervals(row: dict[str, str], column: str = "difference", sign: str = "+") -> list[Cell]:
    value = f"{100 * float(row[column]):{sign}.2f}"
    ends = [
        [_number(row[f"{kind}_seeds_{side}"]) for side in ("low", "high")]
        for kind in ("these", "new")
    ]
    shown = [
        None if low is None or high is None else f"{100 * low:{sign}.2f} … {100 * high:{sign}.2f}"
        for low, high in ends
    ]
    return [value, *shown]


def _number(text: str) -> float | None:
    return float(text) if text else None


def _cell(value: Cell) -> str:
    return f"<td>{'–' if value is None else html.escape(str(value))}</td>"
