"""Which operating points of a student are timed: those that one would ship."""

from erde.evaluation.operating_points import REFERENCE_DROP, reference_threshold
from erde.evaluation.pareto import TEACHER_SHARES, budget_row
from erde_core.store.exit_logits import ExitLogits

_SHARES = TEACHER_SHARES[::2]


def latency_points(student: ExitLogits, teacher_macs: int) -> dict[str, float]:
    """Thresholds in nats by a name in words, all chosen on the validation split.

    The threshold that loses at most a point of accuracy, and one for each of some shares of the
    teacher's MACs that the student's exits can meet; strict to loose, no threshold twice.
    """
    named = {f"exits, at most {100 * REFERENCE_DROP:g} point lost": reference_threshold(student)}
    for share in _SHARES:
        row = budget_row(student, teacher_macs / share)
        if row["status"] == "ok":
            named[f"exits, 1/{share} of the teacher's MACs"] = float(row["threshold_nats"])
    once = {threshold: name for name, threshold in reversed(named.items())}
    return {once[threshold]: threshold for threshold in sorted(once)}
