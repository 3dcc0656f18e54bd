"""Which trainings an experiment has, and which of them are made already."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from erde.experiment.schema import Experiment
from erde_torch.networks.settings import NetworkSettings
from erde_torch.training.settings import TrainSettings


@dataclass(frozen=True)
class Training:
    """``part``: its place in the file; ``made``: whether all its weights are there."""

    part: str
    network: NetworkSettings
    train: TrainSettings
    made: bool


def trainings(experiment: Experiment, results: Path) -> Iterator[Training]:
    """The teacher's, and one of the students' for each network; ``results`` is their folder."""
    trained = experiment.trained_teacher
    if trained is not None:
        folds = range(trained.folds) if trained.folds > 1 else ()
        folders = ["teacher", *(f"teacher/fold{fold}" for fold in folds)]
        made = _are_made(results, folders)
        yield Training("teacher", trained.network, trained.train, made)
    folders_of: dict[NetworkSettings, list[str]] = {}
    for folder, training in experiment.trainings().items():
        seeds = [f"{folder}/seed{seed}" for seed in experiment.seeds]
        folders_of.setdefault(training.network, []).extend(seeds)
    for network, folders in folders_of.items():
        made = _are_made(results, folders)
        yield Training("student", network, experiment.student.train, made)


def _are_made(results: Path, folders: Sequence[str]) -> bool:
    return all((results / folder / "weights.safetensors").exists() for folder in folders)
