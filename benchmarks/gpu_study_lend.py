"""The same training in two experiments is done once: its finished checkpoint is lent.

A checkpoint carries the identity of its training (settings, code, data, device), and a trainer
ignores one of another identity: a wrong loan costs nothing and changes nothing.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from erde_torch.experiment import Experiment

_FILE = "checkpoint.safetensors"


def shared_trainings(borrower: Experiment, lender: Experiment) -> list[tuple[str, str]]:
    """The trainings that both ask for: the checkpoint folder of the borrower, of the lender.

    Variants are the same if their settings are, whatever their labels.
    """
    teachers = ("dataset", "augment", "device", "teacher")
    if any(getattr(borrower, key) != getattr(lender, key) for key in teachers):
        return []
    folds = borrower.teacher.folds if borrower.teacher.folds > 1 else 0
    names = ["teacher", *(f"teacher/fold{k}" for k in range(folds))]
    pairs = [(name, name) for name in names]
    if (borrower.cache, borrower.student) == (lender.cache, lender.student):
        pairs += [
            (f"{mine}/seed{seed}", f"{theirs}/seed{seed}")
            for mine, wanted in borrower.variants.items()
            for theirs, offered in lender.variants.items()
            if (wanted.loss, wanted.teacher) == (offered.loss, offered.teacher)
            for seed in borrower.seeds
            if seed in lender.seeds
        ]
    return pairs


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
        for mine, theirs in shared_trainings(experiments[name], experiments[lender]):
            source = results / lender / "checkpoints" / theirs / _FILE
            target = results / name / "checkpoints" / mine / _FILE
            if source.exists() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(source, target)  # a trainer replaces the file, so the lender's stays
                lent.append(target)
    return lent
