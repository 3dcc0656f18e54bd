"""What can be checked of an experiment before its first job, from settings, names and sizes."""

from collections.abc import Callable
from pathlib import Path

from erde.datasets.class_folders import list_class_folders
from erde.datasets.fingerprint import recorded_identity
from erde.datasets.folder import check_samples
from erde.datasets.folder_settings import FolderSettings
from erde.datasets.photographs.decode import look_at_all
from erde.datasets.photographs.listed import list_photographs
from erde.experiment.schema import Experiment
from erde.running.cluster.needs import facts_or_none, least_memory_mb, least_need
from erde.running.compilers import check_compilers
from erde.running.fits import fitting_sentences
from erde_core.errors import ErdeError
from erde_core.images import SPLITS
from erde_torch.training.settings import StudentSettings, TeacherSettings

_SMALL = 2_000_000  # pixels of a batch: 128 images of 125 × 125


class PlanError(ErdeError):
    """An experiment cannot run as it is; the message is one sentence."""


def check_before_any_job(
    experiment: Experiment,
    results: Path,
    identity: str | None,
    machine_mb: int | None,
    say: Callable[[str], None] = lambda sentence: None,
    *,
    on_gpu: bool = False,
) -> None:
    """Check what there is to check of the data set, of this machine's memory and compilers.

    Args:
        experiment: as its file says.
        results: its folder; images that have become ``data.h5`` there are not looked at again.
        identity: of the user's own images, as the job ``data`` has it.
        machine_mb: memory of the machine that runs the jobs; None where that is unknown, or a
            cluster's.
        say: told what is worth knowing of photographs before any is decoded.
        on_gpu: whether trainings keep their batches on a GPU.

    Raises:
        ErdeError: one sentence.
    """
    source = experiment.dataset
    made = (results / "data.h5").exists()
    unchanged = made and identity == recorded_identity(source, results)
    if isinstance(source, FolderSettings) and not unchanged:
        for sentence in _folder_sentences(source):
            say(sentence)
    check_counts(experiment)
    if isinstance(source, FolderSettings) and not unchanged and machine_mb is not None:
        for sentence in _fitting_sentences(experiment, source, machine_mb):
            say(sentence)
    least = least_memory_mb(experiment)
    if not made and machine_mb is not None and least > machine_mb:
        raise PlanError(
            f"dataset: preparing it takes at least {least:,} MB of memory, this machine has "
            f"{machine_mb:,}: take fewer or smaller images, or a cluster"
        )
    if machine_mb is not None:
        check_compilers(experiment, on_gpu)
        check_trainings(experiment, results, machine_mb, on_gpu)


def check_trainings(experiment: Experiment, results: Path, machine_mb: int, on_gpu: bool) -> None:
    """Refuse trainings, and a cache, that cannot fit; what is made already is passed over.

    Raises:
        PlanError: names the job, its need, the machine's memory and what would fit.
    """
    cached = any(variant.reads_cache for variant in experiment.variants.values())
    students = [f"{v}/seed{s}" for v in experiment.variants for s in experiment.seeds]
    outputs = {
        "teacher": ["teacher/weights.safetensors"],
        "cache": ["teacher_logits.h5"] if cached else [],
        "student": [f"{name}/weights.safetensors" for name in students],
    }
    for job, paths in outputs.items():
        need = least_need(experiment, job, on_gpu)
        if need.memory_mb <= machine_mb or all((results / path).exists() for path in paths):
            continue
        fitting = int((machine_mb - need.fixed) / need.per_image) if need.per_image else 0
        advice = "fewer or smaller images"
        if fitting > 0:
            advice = f"a batch_size of at most {fitting}, a smaller width, {advice}"
        raise PlanError(
            f"{job}: this job takes at least {need.memory_mb:,} MB of memory, this machine has "
            f"{machine_mb:,}: take {advice}, or a cluster"
        )


def check_counts(experiment: Experiment) -> None:
    """Refuse batches that are larger than what there is to train on.

    Raises:
        PlanError: with the counts; a folder that cannot be listed is passed over.
    """
    facts = facts_or_none(experiment)
    if facts is None:
        return
    _check_batch("student", experiment.student, facts.train)
    trained = experiment.trained_teacher
    if trained is not None:
        left_out = -(-facts.train // trained.folds) if trained.folds > 1 else 0
        _check_batch("teacher", trained, facts.train - left_out)


def _check_batch(part: str, settings: StudentSettings | TeacherSettings, images: int) -> None:
    batch = settings.train.batch_size
    if batch > images:
        raise PlanError(
            f"{part}.train.batch_size must be at most the {images} training images, got {batch}"
        )


def _folder_sentences(source: FolderSettings) -> tuple[str, ...]:
    found = list_photographs(source)
    shapes = look_at_all(found, dict.fromkeys(SPLITS, source.size), source.resize)
    check_samples(list_class_folders(source.path, source.parts), source, shapes.channels)
    return found.findings + shapes.findings


def _fitting_sentences(
    experiment: Experiment, source: FolderSettings, machine_mb: int
) -> list[str]:
    parts = [part for part in (experiment.trained_teacher, experiment.student) if part is not None]
    batch = max(part.train.batch_size for part in parts)
    if batch * source.size[0] * source.size[1] <= _SMALL:
        return []  # it will fit, and asking takes seconds
    return fitting_sentences(experiment, source.facts(), machine_mb * 10**6)
