"""What two experiments share is computed once: finished checkpoints and caches are lent.

Both carry the identity of their computation (settings, code, data, device), and a stage ignores
what has another identity: a wrong loan costs nothing and changes nothing.
"""

import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from erde.experiment.schema import Experiment
from erde_core.store.dataset import read_dataset
from erde_core.store.files import write_text
from erde_core.store.journal import Entry, journal_line
from erde_core.store.teacher_logits import read_teacher_logits, view_hash
from erde_torch.training.settings import TeacherSettings

_FILE = "checkpoint.safetensors"
_OF_A_TEACHER = ("dataset", "augment", "device")


def shared_trainings(borrower: Experiment, lender: Experiment) -> list[tuple[str, str]]:
    """The trainings that both ask for: the checkpoint folder of the borrower, of the lender.

    Variants are the same if their settings are, whatever their labels. The teacher of all images is
    the same whatever folds there are besides; what it teaches is not.
    """
    alike = all(getattr(borrower, key) == getattr(lender, key) for key in _OF_A_TEACHER)
    if not alike or _of_all_images(borrower) != _of_all_images(lender):
        return []
    if borrower.teacher != lender.teacher:
        return [("teacher", "teacher")]
    given = borrower.teacher
    folds = given.folds if isinstance(given, TeacherSettings) and given.folds > 1 else 0
    names = ["teacher", *(f"teacher/fold{k}" for k in range(folds))]
    pairs = [(name, name) for name in names]
    if borrower.cache == lender.cache:
        pairs += [
            (f"{mine}/seed{seed}", f"{theirs}/seed{seed}")
            for mine in borrower.variants
            for theirs in lender.variants
            if _training(borrower, mine) == _training(lender, theirs)
            for seed in borrower.seeds
            if seed in lender.seeds
        ]
    return pairs


def _of_all_images(experiment: Experiment) -> object:
    teacher = experiment.teacher
    return replace(teacher, folds=1) if isinstance(teacher, TeacherSettings) else teacher


def _training(experiment: Experiment, name: str) -> tuple[object, ...]:
    variant = experiment.variants[name]
    learned = experiment.network_of(name), experiment.train_of(name)
    return variant.loss, variant.teacher, *learned


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


def lend_cache(
    results: Path, name: str, experiments: dict[str, Experiment], lenders: Iterable[str]
) -> Path | None:
    """Give experiment ``name`` the whole cache of a lender, as an unfinished one lacking no view.

    A copy, since the stage that finishes it writes into it.

    Returns:
        The copy, or None: nobody has it, or the borrower has one or has begun one.
    """
    borrower, target = experiments[name], results / name / "checkpoints/cache"
    begun = (results / name / "teacher_logits.h5", target / "unfinished.h5")
    if any(path.exists() for path in begun):
        return None
    for lender in lenders:
        source, other = results / lender / "teacher_logits.h5", experiments[lender]
        taught_alike = borrower.teacher == other.teacher and borrower.cache == other.cache
        shared = taught_alike and shared_trainings(borrower, other)
        if shared and source.exists():
            target.mkdir(parents=True, exist_ok=True)
            write_text(target / "journal.jsonl", _journal(source, results / lender / "data.h5"))
            shutil.copyfile(source, target / "copy.h5")
            return (target / "copy.h5").rename(target / "unfinished.h5")
    return None


def _journal(cache: Path, data: Path) -> str:
    """One line per view, as the writer of the cache notes them."""
    logits, labels = read_teacher_logits(cache).logits, read_dataset(data).train.labels
    lines = []
    for view, answers in enumerate(logits):
        wrong = (answers.argmax(2) != labels[:, None]).sum(0)
        lines.append(journal_line(Entry(view, view_hash(answers), tuple(wrong.tolist()))))
    return "".join(lines)
