"""Fills the teacher-logits cache: every exit's answer to every view of every training image."""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from erde_core.folds import fold_of_samples
from erde_core.images import ImageDataset
from erde_core.store.differences import differences
from erde_core.store.files import StoreError
from erde_core.store.teacher_logits import CacheIdentity, read_teacher_logits, verify_content
from erde_core.store.teacher_logits_writer import TeacherLogitsWriter
from erde_torch.networks.answers import exit_accuracy, view_logits
from erde_torch.networks.viewed_images import Images
from erde_torch.networks.weights import network_hash
from erde_torch.teacher_cache.rounding import as_float16
from erde_torch.training.data import validation_set, viewed_train_images
from erde_torch.training.host import Host
from erde_torch.training.settings import AugmentSettings

_SAY_SECONDS = 10.0


def views_text(augment: AugmentSettings, views: int | None) -> str:
    """The view table in words: enough to make it again."""
    return augment.described(views)


def expected_identity(
    dataset: ImageDataset, dataset_hash: str, augment: AugmentSettings, views: int | None
) -> dict[str, str]:
    """The fields of a cache's identity that a reader without the teacher knows."""
    return {
        "dataset": dataset_hash,
        "normalisation": f"mean {dataset.mean}, std {dataset.std}",
        "pad_mode": augment.pad_mode,
        "views": views_text(augment, views),
    }


def build_cache(
    path: Path,
    dataset: ImageDataset,
    dataset_hash: str,
    teachers: list[nn.Module],
    augment: AugmentSettings,
    views: int | None,
    precision: str,
    host: Host,
    files: Sequence[str] = (),
) -> None:
    """Write the cache to ``path``; an interrupted one goes on at the first view that is missing.

    Args:
        path: the finished file; if it is there already and of the same identity, nothing is done.
        dataset, dataset_hash: whose train split is cached.
        teachers: one network with ``exit_count``; or one per fold, each asked only for the fold
            that it has not seen.
        augment, views: the orbit, and how many of its views (None: all).
        precision: of the forward pass, ``float32`` or ``bf16``.
        host: where it runs; ``host.folder`` is already locked.
        files: hashes of the teachers' files: what was begun by others is not gone on with, even if
            all weights are the same.

    Raises:
        ValueError: what :func:`erde_torch.teacher_cache.rounding.as_float16` raises.
        OSError: the disk lacks room for the whole file; nothing was computed yet.
    """
    identity = CacheIdentity(
        **expected_identity(dataset, dataset_hash, augment, views),
        teacher=" ".join(network_hash(teacher) for teacher in teachers),
        precision=precision,
        folds=str(len(teachers)),
        maker=host.identity(stage="cache", threads=torch.get_num_threads(), files=list(files)).text,
    )
    if is_done(path, identity, host):
        return
    table = augment.view_table(views)
    images = viewed_train_images(dataset, augment, table, host.device, host.say)
    exits = int(teachers[0].exit_count)  # type: ignore[arg-type]  # nn.Module knows no number
    shape = (len(table), len(dataset.train), exits, len(dataset.class_names))
    writer = TeacherLogitsWriter(host.folder, shape, table, identity, host.say)
    asked = _FoldedTeachers(teachers, dataset, precision, host.device)
    _fill(writer, asked, images, dataset.train.labels, host)
    wrong_on_val = asked.wrong_on_validation(dataset)
    host.check_held()
    writer.finish(path, wrong_on_val)
    say_wrong(path, host)


def say_wrong(path: Path, host: Host) -> None:
    """Say how often the teacher of a finished cache is wrong."""
    cache = read_teacher_logits(path)
    for name, wrong in (("train views", cache.wrong_on_train), ("validation", cache.wrong_on_val)):
        shares = " ".join(f"{100 * share:.2f}" for share in wrong)
        host.say(f"share of wrong teacher answers per exit on {name}: {shares} %")


def _fill(
    writer: TeacherLogitsWriter,
    teachers: "_FoldedTeachers",
    images: Images,
    labels: NDArray[np.int64],
    host: Host,
) -> None:
    missing = writer.missing
    if len(missing) < writer.shape[0]:
        host.say(f"resuming with {len(missing)} of {writer.shape[0]} views to go")
    started = said = time.monotonic()

    def store(view: int, logits: NDArray[np.float16]) -> None:
        # In float32, which has every float16: NumPy searches float16 many times slower.
        wrong = (logits.astype(np.float32).argmax(2) != labels[:, None]).sum(0)
        host.check_held()
        writer.write_view(view, logits, wrong)

    with ThreadPoolExecutor(1) as thread:
        stored: Future[None] | None = None
        for done, view in enumerate(missing, 1):
            logits = teachers.answers(images, view)  # while the one before is written
            if stored is not None:
                stored.result()
            stored = thread.submit(store, view, logits)
            if done == len(missing):
                stored.result()
            now = time.monotonic()
            if now - said > _SAY_SECONDS or done == len(missing):
                said, left = now, (now - started) / done * (len(missing) - done)
                host.say_progress(f"{done}/{len(missing)} views", left)


class _FoldedTeachers:
    """Asks for every sample the teacher that has not seen it (or the only one)."""

    def __init__(
        self,
        teachers: list[nn.Module],
        dataset: ImageDataset,
        precision: str,
        device: torch.device,
    ) -> None:
        self._precision, self._device = precision, device
        self._teachers = [
            t.eval().to(device).to(memory_format=torch.channels_last) for t in teachers
        ]
        train = dataset.train
        folds = np.zeros(len(train), np.int64)
        if len(teachers) > 1:
            folds = fold_of_samples(train.labels, train.group, len(teachers))
        self._parts = [np.flatnonzero(folds == fold) for fold in range(len(teachers))]

    def answers(self, images: Images, view: int) -> NDArray[np.float16]:
        """float16 ``(N, E, C)`` of all samples under one view."""
        parts = [
            self._ask(t, images, part, view)
            for t, part in zip(self._teachers, self._parts, strict=True)
        ]
        logits = np.empty((sum(map(len, parts)), *parts[0].shape[1:]), np.float16)
        for index, part in zip(self._parts, parts, strict=True):
            logits[index] = as_float16(part, self._precision).cpu().numpy()
        return logits

    def wrong_on_validation(self, dataset: ImageDataset) -> NDArray[np.float64]:
        """Share of wrong answers per exit, averaged over the teachers, ``(E,)``."""
        val = validation_set(dataset, self._device)
        right = [exit_accuracy(t, val.images, val.labels, self._precision) for t in self._teachers]
        return np.asarray(1 - np.mean(right, axis=0), np.float64)

    def _ask(
        self, teacher: nn.Module, images: Images, part: NDArray[np.int64], view: int
    ) -> Tensor:
        samples = torch.from_numpy(part).to(self._device)
        return view_logits(teacher, images, samples, view, self._precision)


def is_done(path: Path, identity: CacheIdentity, host: Host) -> bool:
    """Whether the cache is there and whole; what is there and is not used, is said."""
    if not path.exists():
        return False
    try:
        cache = read_teacher_logits(path)
        verify_content(cache, path, torch.get_num_threads())
    except StoreError as error:
        host.say(f"the cache that is there cannot be used and is made anew: {error}")
        return False
    if cache.identity != identity:
        changes = "; ".join(differences(cache.identity.parts(), identity.parts()))
        host.say(f"the cache that is there is of other settings ({changes}) and is made anew")
        return False
    host.say(f"{path} is already there")
    return True
