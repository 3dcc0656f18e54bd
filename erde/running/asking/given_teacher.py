"""Brings a teacher that is there already into an experiment's results, and measures it."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from erde.datasets.folder_settings import FolderSettings
from erde.datasets.order import train_rows
from erde.experiment.schema import Experiment
from erde.running.asking.teacher_facts import kind_of, taught_data
from erde_core.errors import ErdeError
from erde_core.images import ImageDataset
from erde_core.store.exit_logits import ExitLogits
from erde_torch.networks.exit_logits import collect_exit_logits
from erde_torch.networks.weights import NetworkCard
from erde_torch.teachers.answers import StoredAnswers
from erde_torch.teachers.answers_cache import answers_exit_logits
from erde_torch.teachers.file import TeacherFile, write_teacher
from erde_torch.teachers.measure import accuracy_remarks
from erde_torch.teachers.probabilities import check_output
from erde_torch.teachers.row_order import order_remarks
from erde_torch.teachers.settings import GivenTeacher, LogitsTeacher, WeightsTeacher


def bring_teacher(
    path: Path,
    experiment: Experiment,
    dataset: ImageDataset,
    dataset_hash: str,
    device: torch.device,
    say: Callable[[str], None],
) -> None:
    """Write the teacher's file to ``path``, and say how good it is.

    Raises:
        ValueError: it cannot teach this data set.
    """
    given = experiment.given_teacher
    if given is None:
        raise ErdeError("teacher must be there already, got one that is to be trained")
    module: Any = importlib.import_module(given.module)
    card = _card(dataset, dataset_hash)
    file, facts = module.bring(given, card, *_rows(given, experiment, dataset))
    for remark in facts.remarks:
        say(remark)
    teacher = module.load(file, given.threads)
    exits = _exit_logits(teacher, file, dataset, dataset_hash, device)
    if not isinstance(given, WeightsTeacher) and given.output is None:
        # A graph was asked about noise before, to which its answers may all be one.
        check_output(kind_of(given), exits.val.logits, None)
    in_our_order = file.adaptation.order is None
    if in_our_order and isinstance(experiment.dataset, FolderSettings):
        for remark in order_remarks("classes", dataset.class_names):
            say(remark)
    for remark in accuracy_remarks(exits, in_our_order):
        say(remark)
    write_teacher(path, file)


def _rows(given: GivenTeacher, experiment: Experiment, dataset: ImageDataset) -> tuple[Any, ...]:
    """What a file of answers needs to know of the images' order."""
    if not isinstance(given, LogitsTeacher):
        return ()
    return (taught_data(experiment), *train_rows(experiment.dataset, dataset))


def _card(dataset: ImageDataset, dataset_hash: str) -> NetworkCard:
    return NetworkCard(
        network={},
        image_shape=dataset.image_shape,
        class_names=dataset.class_names,
        mean=dataset.mean,
        std=dataset.std,
        dataset=dataset_hash,
        precision="float32",
    )


def _exit_logits(
    teacher: torch.nn.Module,
    file: TeacherFile,
    dataset: ImageDataset,
    dataset_hash: str,
    device: torch.device,
) -> ExitLogits:
    if isinstance(teacher, StoredAnswers):
        return answers_exit_logits(teacher, dataset, dataset_hash)
    return collect_exit_logits(teacher, file.card, dataset, dataset_hash, device)
