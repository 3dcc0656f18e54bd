"""Latency: which operating points are timed, where leaving early pays, what disturbed the clock."""

from erde.evaluation.budgets import Whole, share_words
from erde.evaluation.choice import (
    REFERENCE_DROP,
    choose_for_budget,
    theta_cells,
    threshold_for_drop,
)
from erde.evaluation.pareto import TEACHER_SHARES
from erde.evaluation.tables.rows import Rows, distinct, where
from erde_core.scores.scored_logits import ScoredLogits
from erde_torch.latency.names import STUDENT, TEACHER

MOST_LOAD = 0.25  # cores that others may use before times are called disturbed
MOST_SPREAD = 0.2  # of a median time, between the fastest and the slowest round

_SHARES = TEACHER_SHARES[::2]


def latency_points(student: ScoredLogits, whole: Whole) -> dict[str, float]:
    """Thresholds by a name in words, all chosen on the validation split.

    The threshold that loses at most a point of accuracy, and one for each of some shares of
    ``whole`` that the student's exits can meet; strict to loose, no threshold twice.
    """
    named = {f"exits, at most {100 * REFERENCE_DROP:g} point lost": threshold_for_drop(student)}
    for share in _SHARES:
        choice = choose_for_budget(student, whole.macs / share)
        if choice.threshold is not None and choice.status == "ok":
            named[f"exits, {share_words(f'1/{share}', whole.of)}"] = choice.threshold
    once = {threshold: name for name, threshold in reversed(named.items())}
    return {once[threshold]: threshold for threshold in sorted(once)}


def with_theta_cells(rows: Rows, student: ScoredLogits) -> Rows:
    """Rows of times, their ``threshold`` as tables hold θ of the student's score."""
    return [
        {key: value for key, value in row.items() if key != "threshold"}
        | theta_cells(student, row["threshold"])
        for row in rows
    ]


def break_even(table: Rows) -> list[tuple[str, str, list[int]]]:
    """Runtime, operating point, and the batch sizes at which leaving early saves time.

    That is, at which the student with exits is faster than the same student without.
    """
    lines: dict[tuple[str, str], list[int]] = {}
    for row in table:
        if row["network"] not in (TEACHER, STUDENT):
            batches = lines.setdefault((row["runtime"], row["network"]), [])
            batches += [row["batch"]] * (row["speed_up_over_no_exits"] > 1)
    return [(*key, batches) for key, batches in lines.items()]


def disturbances(table: Rows) -> list[str]:
    """A sentence per reason to distrust the times; none where the machine was quiet."""
    sentences = []
    if any(row["round_spread"] is None for row in table):
        sentences.append("What else the machine did meanwhile was not recorded.")
    busy = {b: where(table, batch=b)[0]["other_load"] for b in distinct(table, "batch")}
    loads = {b: load for b, load in busy.items() if load is not None and load > MOST_LOAD}
    if loads:
        worst = max(loads, key=lambda batch: loads[batch])
        sentences.append(
            f"Other processes kept up to {loads[worst]:.1f} cores busy meanwhile (batch {worst}); "
            f"more than {MOST_LOAD:g} disturbs the clock."
        )
    uneven = [row for row in table if (row["round_spread"] or 0) > MOST_SPREAD]
    if uneven:
        worst = max(uneven, key=lambda row: row["round_spread"])
        sentences.append(
            f"{len(uneven)} of {len(table)} rows differ by more than {_percent(MOST_SPREAD)} "
            f"between their rounds, most {worst['network']} in {worst['runtime']} at batch "
            f"{worst['batch']}: {_percent(worst['round_spread'])}."
        )
    return sentences


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
