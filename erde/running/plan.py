"""What can be checked of an experiment before its first job, from settings, names and sizes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from erde.datasets.class_folders import list_class_folders
from erde.datasets.fingerprint import recorded_identity
from erde.datasets.folder import check_samples
from erde.datasets.folder_settings import FolderSettings
from erde.datasets.images import DatasetError
from erde.datasets.photographs.decode import Shapes, look_at_all
from erde.datasets.photographs.listed import Listed, Photographs, list_photographs
from erde.experiment.remarks import remarks
from erde.experiment.schema import Experiment
from erde.running.asking.cascade_order import cascade_remarks
from erde.running.asking.network_fit import check_networks
from erde.running.asking.questions import Questions
from erde.running.cluster.needs import facts_or_none
from erde.running.compilers import check_compilers, check_graphs
from erde.running.due import trainings
from erde.running.fits import Room, check_memory
from erde_core.errors import ErdeError
from erde_core.folds import fold_of_samples
from erde_core.images import SPLITS
from erde_core.scores.fitted import needs_fitting
from erde_core.statistics.halves import LEAST_GROUPS
from erde_torch.training.settings import TrainSettings


class PlanError(ErdeError):
    """An experiment cannot run as it is; the message is one sentence."""


def check_before_any_job(
    experiment: Experiment,
    results: Path,
    identity: str | None,
    machine_mb: int | None,
    questions: Questions,
    say: Callable[[str], None] = lambda sentence: None,
    *,
    on_gpu: bool = False,
) -> None:
    """Check what there is to check of the data set, networks, this machine's memory and compilers.

    Args:
        experiment: as its file says.
        results: its folder; images that have become ``data.h5`` there are not looked at again.
        identity: of the user's own images, as the job ``data`` has it.
        machine_mb: memory of the machine that runs the jobs; None where that is unknown, or a
            cluster's.
        questions: who is asked what only PyTorch can tell.
        say: told what is worth knowing before any image is decoded.
        on_gpu: whether trainings keep their batches on a GPU.

    Raises:
        ErdeError: one sentence.
    """
    source = experiment.dataset
    made = (results / "data.h5").exists()
    unchanged = made and identity == recorded_identity(source, results)
    shapes = None
    if isinstance(source, FolderSettings) and not unchanged:
        found, shapes = _looked_at(source)
        for sentence in found.findings + shapes.findings:
            say(sentence)
    for sentence in remarks(experiment, facts_or_none(experiment)):
        say(sentence)
    check_counts(experiment)
    check_classes(experiment)
    check_networks(experiment, questions)
    for sentence in cascade_remarks(experiment, questions):
        say(sentence)
    if machine_mb is not None:
        due = {one.part: one.train for one in trainings(experiment, results) if not one.made}
        check_compilers(due, on_gpu)
        check_graphs(due, on_gpu)
        room = Room(machine_mb * 10**6, on_gpu)
        for sentence in check_memory(experiment, results, room, questions):
            say(sentence)
    if isinstance(source, FolderSettings) and shapes is not None:
        check_samples(list_class_folders(source.path, source.parts), source, shapes.channels)


def check_counts(experiment: Experiment) -> None:
    """Refuse batches that are larger than what there is to train on, and scores, folds and averages
    of the weights for which there are too few images.

    Raises:
        PlanError: with the counts; images that cannot be listed, or their groups, are passed over.
    """
    facts = facts_or_none(experiment)
    if facts is None:
        return
    trained = experiment.trained_teacher
    folds = trained.folds if trained is not None else 1
    listed = None
    source = experiment.dataset
    if isinstance(source, FolderSettings) and (folds > 1 or needs_fitting(experiment.score)):
        try:
            listed = list_photographs(source).splits
        except DatasetError:  # said already, unless data.h5 was made before they were away
            return
    independent = len(np.unique(listed["val"].group)) if listed else facts.val
    if needs_fitting(experiment.score) and independent < LEAST_GROUPS:
        raise PlanError(
            f"score must be a bare one with fewer than {LEAST_GROUPS} independent validation "
            f"images: one half fits it, the other chooses thresholds; got {experiment.score!r} "
            f"and {independent}"
        )
    _check_train("student", experiment.student.train, facts.train)
    for name in experiment.variants:
        _check_train(f"variants.{name}", experiment.train_of(name), facts.train)
    if trained is not None:
        left_out = _largest_fold(facts.train, folds, listed["train"] if listed else None)
        _check_train("teacher", trained.train, facts.train - left_out)


def check_classes(experiment: Experiment) -> None:
    """Refuse losses that are not defined for so few classes.

    Raises:
        PlanError: names the variant; a folder that cannot be listed is passed over.
    """
    facts = facts_or_none(experiment)
    if facts is None:
        return
    for name, variant in experiment.variants.items():
        try:
            variant.loss.check_classes(facts.classes)
        except ErdeError as error:
            raise PlanError(f"variants.{name}: {error}") from None


def _largest_fold(images: int, folds: int, listed: Listed | None) -> int:
    """How many images a fold's teacher leaves out, at most; ``listed`` where they are known."""
    if folds == 1:
        return 0
    if listed is None:
        return -(-images // folds)
    try:
        fold = fold_of_samples(listed.labels, listed.group, folds)
    except ErdeError as error:
        raise PlanError(f"teacher.{error}") from None
    return int(np.bincount(fold).max())


def _check_train(place: str, train: TrainSettings, images: int) -> None:
    if train.batch_size > images:
        raise PlanError(
            f"{place}.train.batch_size must be at most the {images} training images, "
            f"got {train.batch_size}"
        )
    train.check_average(images // train.batch_size, f"{place}.train.")


def _looked_at(source: FolderSettings) -> tuple[Photographs, Shapes]:
    """By names and heads of files: no pixel is decoded."""
    found = list_photographs(source)
    return found, look_at_all(found, dict.fromkeys(SPLITS, source.size), source.resize)
