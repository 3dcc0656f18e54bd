"""What ``--config key=value`` may say of a run; an experiment's results never depend on it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from erde.experiment.errors import ExperimentError, nearest, shown

_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of a run.

    Attributes:
        experiments: the folder of the experiment files; None for the repository's own.
        data: the folder of downloaded data sets.
        rivals: train plain networks of the same cost for the report.
        latency: measure seconds on this machine for the report.
        checkpoint_seconds: between two checkpoints of a training; 0 for one after every step.
        gpu_for_auto: whether ``device: auto`` asks for a GPU; None to look.
        students_per_gpu: how many trainings of students share a GPU of this machine.
    """

    experiments: str | None = None
    data: str = "data"
    rivals: bool = True
    latency: bool = True
    checkpoint_seconds: float = 300.0
    gpu_for_auto: bool | None = None
    students_per_gpu: int = 1


def run_options(config: Mapping[str, Any]) -> RunOptions:
    """Read Snakemake's ``config``.

    Raises:
        ExperimentError: an unknown key, or a value that is no known word; one sentence.
    """
    known = [field.name for field in fields(RunOptions)]
    for key in config:
        if key not in known:
            raise ExperimentError(f"--config {key}: unknown key {key!r}; {nearest(key, known)}")
    found = {key: _READERS.get(key, _yes)(key, value) for key, value in config.items()}
    return RunOptions(**found)


def _yes(key: str, value: object) -> bool:
    word = str(value).lower()
    if word not in _YES + _NO:
        raise ExperimentError(f"--config {key} must be true or false, got {shown(value)}")
    return word in _YES


def _seconds(key: str, value: object) -> float:
    try:
        seconds = math.nan if isinstance(value, bool) else float(str(value))
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ExperimentError(f"--config {key} must be a number >= 0, got {shown(value)}")
    return seconds


def _count(key: str, value: object) -> int:
    text = str(value)
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise ExperimentError(f"--config {key} must be a whole number >= 1, got {shown(value)}")
    return int(text)


def _folder(key: str, value: object) -> str:
    if value is None or isinstance(value, bool | list | dict) or not str(value):
        raise ExperimentError(f"--config {key} must name a folder, got {shown(value)}")
    return str(value)


_READERS: dict[str, Callable[[str, object], Any]] = {
    "experiments": _folder,
    "data": _folder,
    "checkpoint_seconds": _seconds,
    "students_per_gpu": _count,
}
