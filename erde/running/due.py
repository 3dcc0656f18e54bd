"""Which trainings an experiment has, and which of them are made already."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from erde.experiment.schema import Experiment
from erde_torch.networks.settings import NetworkSettings
from erde_torch.training.settings import StudentSettings, TrainSettings


@dataclass(frozen=True)
class Training:
    """A training, or several of the same network by the same settings.

    Attributes:
        part: ``teacher`` or ``student``.
        place: in the file, where ``train`` stands: the part, or a variant with its own.
        network, train: what is trained, and how.
        made: whether all its weights are there.
    """

    part: str
    place: str
    network: NetworkSettings
    train: TrainSettings
    made: bool


def trainings(experiment: Experiment, results: Path) -> Iterator[Training]:
    """The teacher's, and one of the students' for each network and ``train``.

    ``results`` is their folder.
    """
    trained = experiment.trained_teacher
    if trained is not None:
        folds = range(trained.folds) if trained.folds > 1 else ()
        folders = ["teacher", *(f"teacher/fold{fold}" for fold in folds)]
        made = _are_made(results, folders)
        yield Training("teacher", "teacher", trained.network, trained.train, made)
    folders_of: dict[StudentSettings, list[str]] = {}
    for folder, training in experiment.trainings().items():
        seeds = [f"{folder}/seed{seed}" for seed in experiment.seeds]
        folders_of.setdefault(training.settings, []).extend(seeds)
    for student, folders in folders_of.items():
        place, made = experiment.place_of(student.train), _are_made(results, folders)
        yield Training("student", place, student.network, student.train, made)


def _are_made(results: Path, folders: Sequence[str]) -> bool:
    return all((results / folder / "weights.safetensors").exists() for folder in folders)
