"""Whose cost a budget is a share of: the teacher's, or the student's where nobody knows that."""

from collections.abc import Iterable
from typing import NamedTuple

from erde_core.scores.scored_logits import ScoredLogits
from erde_core.store.exit_logits import ExitLogits

Logits = ExitLogits | ScoredLogits


class Whole(NamedTuple):
    """What budgets are shares of.

    Attributes:
        macs: per image.
        of: ``teacher`` or ``student``; the column ``budget_of``.
    """

    macs: int
    of: str


def whole_of(teacher: Logits, students: Iterable[Logits]) -> Whole:
    """The whole teacher; where its MACs cannot be counted, the dearest student without leaving."""
    known = int(teacher.macs[-1])
    if known:
        return Whole(known, "teacher")
    return Whole(max(int(student.macs[-1]) for student in students), "student")


def share_words(share: str, of: str) -> str:
    """``1/8 of the teacher's MACs``; of a student, which may leave early, its ``full MACs``."""
    return f"{share} of the {of}'s {'MACs' if of == 'teacher' else 'full MACs'}"
