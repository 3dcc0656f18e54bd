"""Recomputes a random sample of a teacher-logits cache with the teachers and compares."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from erde_core.folds import fold_of_samples
from erde_core.images import ImageDataset
from erde_core.store.files import StoreError
from erde_core.store.teacher_logits import TeacherLogits
from erde_torch.networks.answers import row_logits
from erde_torch.networks.weights import network_hash
from erde_torch.teacher_cache.fill import expected_identity
from erde_torch.teacher_cache.rounding import NEAR
from erde_torch.training.data import viewed_train_images
from erde_torch.training.settings import AugmentSettings

ROWS = 256
# Allowed difference, as a share of 1 + how far the row's logits lie apart. Storing as float16 costs
# 2⁻¹¹; another batch size or device sums in another order, which in bf16 (8 bits) shows in every
# layer. What a whole row is moved by counts for nothing, on either side.
TOLERANCE = {"float32": 4e-3, "bf16": 1.5e-1}
_STORED = 1 / 8  # of the float32 tolerance are 2⁻¹¹, which rows near 0 lose of their own size


def verify_cache(
    cache: TeacherLogits,
    dataset: ImageDataset,
    dataset_hash: str,
    teachers: list[nn.Module],
    augment: AugmentSettings,
    device: torch.device,
) -> dict[str, object]:
    """Recompute ``ROWS`` random (sample, view) rows.

    Returns:
        ``rows``, ``largest`` (absolute difference in logits, but for one that a whole row has in
        common), ``precision`` and ``sha256``.

    Raises:
        StoreError: the cache belongs to another teacher, data set, normalisation or pad mode, or
            a row differs by more than the tolerance of its precision.
    """
    check_identity(cache, dataset, dataset_hash, teachers, augment)
    folds = np.zeros(len(dataset.train), np.int64)
    if len(teachers) > 1:
        folds = fold_of_samples(dataset.train.labels, dataset.train.group, len(teachers))
    random = np.random.default_rng()  # another sample each time, on purpose
    samples = random.integers(len(dataset.train), size=ROWS)
    views = random.integers(len(cache.views), size=ROWS)
    images = viewed_train_images(dataset, augment, cache.views, device)
    precision, largest = cache.identity.precision, 0.0
    for fold, teacher in enumerate(teachers):
        mine = folds[samples] == fold
        if not mine.any():
            continue
        network = teacher.eval().to(device).to(memory_format=torch.channels_last)
        index, view = (torch.from_numpy(a[mine]).to(device) for a in (samples, views))
        found = row_logits(network, images, index, view, precision).cpu().numpy()
        cached = cache.logits[views[mine], samples[mine]].astype(np.float32)
        difference = np.abs(_within_rows(found - cached))
        apart = np.ptp(found, axis=2) + _STORED * np.minimum(np.abs(found).max(2), NEAR)
        worst = float((difference.max(2) / (1 + apart)).max())
        if not worst <= TOLERANCE[precision]:  # NaN must not pass
            raise StoreError(
                f"cached logits must agree with their teacher to {TOLERANCE[precision]} "
                f"(relative, {precision}), got {worst:.3g}"
            )
        largest = max(largest, float(difference.max()))
    return {"rows": ROWS, "largest": largest, "precision": precision, "sha256": cache.sha256}


def _within_rows(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without what all classes of a row have in common."""
    common: NDArray[np.float32] = difference.mean(-1, keepdims=True)
    return difference - common


def check_identity(
    cache: TeacherLogits,
    dataset: ImageDataset,
    dataset_hash: str,
    teachers: list[nn.Module],
    augment: AugmentSettings,
) -> None:
    """Hold a cache to what it should have been made from.

    Raises:
        StoreError: the first field that differs.
    """
    expected = expected_identity(dataset, dataset_hash, augment, len(cache.views))
    expected["teacher"] = " ".join(network_hash(teacher) for teacher in teachers)
    for name, value in expected.items():
        found = getattr(cache.identity, name)
        if found != value:
            raise StoreError(
                f"the cache was made with another {name}: must be {value}, got {found}"
            )
