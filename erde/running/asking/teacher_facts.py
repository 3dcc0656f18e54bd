"""What a plan must know of a teacher that is there already, and what it is to teach."""

import hashlib
import importlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from erde.datasets.class_folders import list_class_folders
from erde.datasets.folder_settings import FolderSettings
from erde.datasets.images import DatasetError
from erde.experiment.schema import Experiment
from erde.running.asking.image_shape import folder_shape
from erde.running.asking.questions import Questions
from erde.running.asking.versions import installed_version
from erde.running.cluster.needs import facts_or_none
from erde_core.errors import ErdeError, check_installed
from erde_torch.teachers.facts import Data, Facts
from erde_torch.teachers.onnx_graph import outside_files
from erde_torch.teachers.settings import (
    KINDS,
    GivenTeacher,
    OnnxTeacher,
    given_of,
    with_tuples,
)


def teacher_facts(experiment: Experiment, questions: Questions) -> Facts | None:
    """Of the experiment's given teacher; None where it is trained here.

    While the images cannot be read: what it was when they could, else None.

    Raises:
        ValueError: the teacher cannot teach this data set; one sentence, without the place.
    """
    given = experiment.given_teacher
    if given is None:
        return None
    check_installed(kind_of(given), given.needs)
    teacher = {
        "kind": kind_of(given),
        "settings": asdict(given),
        "files": file_hashes(given),
    }
    dataset = json.dumps(experiment.named()["dataset"], default=str, sort_keys=True)
    source = {"teacher": teacher, "dataset": dataset}
    data = taught_data(experiment)
    if data is None:
        known = questions.recalled("teacher", source)
        return None if known is None else Facts(**with_tuples(known))
    words = {
        **teacher,
        "data": {key: value for key, value in asdict(data).items() if _is_asked(key, given)},
        "versions": [installed_version(name) for name in given.needs],
    }
    found = questions.ask("teacher", words)
    questions.remember("teacher", source, found)
    return Facts(**with_tuples(found))


def answer(
    kind: str,
    settings: dict[str, Any],
    data: dict[str, Any],
    files: dict[str, str],
    versions: list[str],
) -> dict[str, Any]:
    """The facts, in a process that may load PyTorch."""
    teacher = given_of(kind, settings)
    module = importlib.import_module(teacher.module)
    facts: Facts = module.look(teacher, Data(**with_tuples(data)))
    return asdict(facts)


def _is_asked(key: str, given: GivenTeacher) -> bool:
    """Names of files are many, and most teachers name none."""
    return not key.endswith("_names") or key == "class_names" or "names" in "".join(given.files)


def kind_of(given: GivenTeacher) -> str:
    """Its key of ``KINDS``."""
    return next(key for key, kind in KINDS.items() if isinstance(given, kind))


def file_hashes(given: GivenTeacher) -> dict[str, str]:
    """SHA-256 of the content of each file that it is made of, by key.

    Raises:
        ValueError: a file cannot be read.
    """
    found = {key: _hash(key, path) for key, path in given.files.items()}
    if isinstance(given, OnnxTeacher):
        outside = outside_files(Path(given.onnx))
        found |= {f"onnx {path.name}": _hash("onnx", path) for path in outside}
    return found


def _hash(key: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ErdeError(
            f"{key} must be a file that can be read, got {str(path)!r} ({error.strerror})"
        ) from None


def taught_data(experiment: Experiment) -> Data | None:
    """What is known of the data set before it is made; None of a folder that cannot be listed."""
    facts = facts_or_none(experiment)
    if facts is None:
        return None
    known: dict[str, Any] = {"classes": facts.classes, "train": facts.train + facts.val}
    known |= {"test": facts.test, "image_shape": (facts.channels, facts.height, facts.width)}
    source = experiment.dataset
    if isinstance(source, FolderSettings):
        try:
            known |= _named(source)
        except (DatasetError, OSError):
            return None
    return Data(**known)


def _named(source: FolderSettings) -> dict[str, Any]:
    found = list_class_folders(source.path, source.parts)
    asked = {"train_names": source.parts[:-1], "test_names": source.parts[-1:]}
    names = {
        key: tuple(
            file.relative_to(found.path).as_posix()
            for part in parts
            for files in found.files[part]
            for file in files
        )
        for key, parts in asked.items()
    }
    return {"class_names": found.classes, "image_shape": folder_shape(source, found), **names}
