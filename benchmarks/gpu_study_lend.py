"""The same training in two experiments is done once: its finished checkpoint is lent.

A checkpoint carries the identity of its training (settings, code, data, device), and a trainer
ignores one of another identity: a wrong loan costs nothing and changes nothing.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from erde_torch.experiment import Experiment

_FILE = "checkpoint.safetensors"


def shared_trainings(one: Experiment, other: Experiment) -> list[str]:
    """The checkpoint folders of the trainings that both experiments ask for."""
    teachers = ("dataset", "augment", "device", "teacher")
    if any(getattr(one, key) != getattr(other, key) for key in teachers):
        return []
    folds = one.teacher.folds if one.teacher.folds > 1 else 0
    names = ["teacher", *(f"teacher/fold{k}" for k in range(folds))]
    if (one.cache, one.student) == (other.cache, other.student):
        same = [v for v in one.variants if one.variants[v] == other.variants.get(v)]
        seeds = [seed for seed in one.seeds if seed in other.seeds]
        names += [f"{variant}/seed{seed}" for variant in same for seed in seeds]
    return names


def lend_checkpoints(
    results: Path, name: str, experiments: dict[str, Experiment], lenders: Iterable[str]
) -> list[Path]:
    """Link into experiment ``name`` what ``lenders`` have trained and it has not begun.

    Args:
        results: the folder of all results.
        name: the borrower.
        experiments: by name, borrower and lenders among them.
        lenders: names; the first that has a training lends it.

    Returns:
        The new links.
    """
    lent = []
    for lender in lenders:
        for training in shared_trainings(experiments[name], experiments[lender]):
            source = results / lender / "checkpoints" / training / _FILE
            target = results / name / "checkpoints" / training / _FILE
            if source.exists() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(source, target)  # a trainer replaces the file, so the lender's stays
                lent.append(target)
    return lent
