"""What to ship for a budget, and how far below the teacher that is.

Validation chooses three times: θ of each network, the variant by the mean over its seeds, and of
that variant the best network. How far below the teacher that may be on all images, validation says
too (its interval's upper end), for who looks for the smallest budget. The test split then says what
the choice is worth: for who ships these weights, with the interval of this network; for who trains
again, of the variant's seeds.
"""

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.choice import theta_cells, theta_of
from erde.evaluation.differences.comparison import difference_row
from erde.evaluation.differences.resample import RESAMPLES
from erde.evaluation.pareto import Students
from erde.evaluation.tables.rows import Rows, distinct, mean_of, where
from erde_core.outcomes import outcomes, right_answers
from erde_core.scores.scored_logits import ScoredLogits
from erde_core.scores.split import rest_of
from erde_core.statistics.bootstrap import group_weights
from erde_core.store.exit_logits import ExitLogits, SplitLogits
from erde_core.store.tables import Row

_NAMED = ("variant", "seed", "weights_sha256")
_ON_VAL = ("val_accuracy", "val_mean_macs")
_VAL_HIGH = "val_difference_high"
_MEASURED = ("test_accuracy", "test_mean_macs")
_DIFFERENCE = ("difference", "difference_low", "difference_high")
_AGAIN = ("again_difference", "again_low", "again_high", "seeds", "seed_lowest", "seed_highest")


def decision_rows(teacher: ExitLogits, students: Students, pareto: Rows) -> list[Row]:
    """One row per share of the teacher's MACs.

    Args:
        teacher: its last exit is what is compared with.
        students: by variant and seed, all with the same kind of score. Where it is fitted, the
            teacher is held against them on the validation images that they are judged by.
        pareto: rows of ``pareto.csv``, where every network's θ has been chosen.
    """
    judged = rest_of(next(iter(students.values())).score.label, teacher.val)
    weights, val_weights = (
        group_weights(split.group, RESAMPLES, seed=0) for split in (teacher.test, judged)
    )
    right, val_right = (right_answers(split)[:, -1] for split in (teacher.test, judged))
    reference = {
        "teacher_accuracy": float(right.mean()),
        "teacher_macs": int(teacher.macs[-1]) or None,
    }
    rows = []
    for share in distinct(pareto, "teacher_share"):
        offered = where(pareto, teacher_share=share)
        row = {"teacher_share": share, **{k: offered[0][k] for k in ("budget_of", "budget_macs")}}
        seeds = _best_variant(offered)
        if not seeds:
            rows.append(row | _nothing(next(iter(students.values())), reference))
            continue
        best = max(seeds, key=lambda r: (r["val_accuracy"], -r["val_mean_macs"]))
        student = students[best["variant"], best["seed"]]
        names = (best["variant"], best["seed"], student.network)
        rows.append(
            row
            | {"status": best["status"]}
            | dict(zip(_NAMED, names, strict=True))
            | theta_cells(student, theta_of(best))
            | {key: best[key] for key in _ON_VAL}
            | {_VAL_HIGH: _on_validation(student, best, val_right, val_weights)}
            | {key: best[key] for key in _MEASURED}
            | reference
            | _this_network(student, best, right, weights)
            | _trained_again(students, seeds, right, weights)
        )
    return rows


def _nothing(student: ScoredLogits, reference: Row) -> Row:
    """A row where no variant can pay."""
    named, measured = dict.fromkeys(_NAMED), dict.fromkeys((*_ON_VAL, _VAL_HIGH, *_MEASURED))
    differences = dict.fromkeys((*_DIFFERENCE, *_AGAIN))
    chosen = {"status": "not reachable"} | named | theta_cells(student, None) | measured
    return chosen | reference | differences


def _best_variant(offered: Rows) -> list[Row]:
    """The rows of the variant with the best mean on validation, if all its seeds can pay."""
    able = [
        where(offered, variant=variant)
        for variant in distinct(offered, "variant")
        if all(theta_of(r) is not None for r in where(offered, variant=variant))
    ]
    return max(able, key=lambda rows: mean_of(rows, "val_accuracy") or 0.0, default=[])


def _on_validation(
    student: ScoredLogits, chosen: Row, teacher: NDArray[np.bool_], weights: NDArray[np.int32]
) -> float | None:
    """The upper end of the difference's interval on validation; None with too few groups."""
    gain = _gain(student, student.val, chosen, teacher)
    high: float | None = difference_row(gain[None], weights, student.val.group)["these_seeds_high"]
    return high


def _this_network(
    student: ScoredLogits, chosen: Row, teacher: NDArray[np.bool_], weights: NDArray[np.int32]
) -> Row:
    gain = _gain(student, student.test, chosen, teacher)
    found = difference_row(gain[None], weights, student.test.group)
    ends = (found["difference"], found["these_seeds_low"], found["these_seeds_high"])
    return dict(zip(_DIFFERENCE, ends, strict=True))


def _trained_again(
    students: Students, seeds: Rows, teacher: NDArray[np.bool_], weights: NDArray[np.int32]
) -> Row:
    networks = [students[row["variant"], row["seed"]] for row in seeds]
    gains = [_gain(n, n.test, row, teacher) for n, row in zip(networks, seeds, strict=True)]
    found = difference_row(np.array(gains), weights, networks[0].test.group)
    ends = [found[name] for name in ("difference", "new_seeds_low", "new_seeds_high")]
    return dict(zip(_AGAIN, (*ends, *(found[name] for name in _AGAIN[3:])), strict=True))


def _gain(
    student: ScoredLogits, split: SplitLogits, chosen: Row, teacher: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """On that split 1 where only the student is right, -1 where only the teacher is, ``(N,)``."""
    theta = theta_of(chosen)
    assert theta is not None  # rows without θ are no choices
    right, _, _ = outcomes(split, theta, student.score)
    return right.astype(np.float64) - teacher
