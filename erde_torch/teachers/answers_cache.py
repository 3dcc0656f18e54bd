"""The teacher-logits cache of a teacher that is a file of answers."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from erde_core.images import ImageDataset, Split
from erde_core.store.exit_logits import ExitLogits, SplitLogits
from erde_core.store.files import StoreError
from erde_core.store.teacher_logits import CacheIdentity, TeacherLogits
from erde_core.store.teacher_logits_writer import TeacherLogitsWriter
from erde_core.views import chosen_views
from erde_torch.networks.weights import network_hash
from erde_torch.teacher_cache.fill import expected_identity, is_done, say_wrong
from erde_torch.teacher_cache.rounding import as_float16
from erde_torch.teacher_cache.verify import check_identity
from erde_torch.teachers.answers import StoredAnswers
from erde_torch.training.host import Host
from erde_torch.training.settings import AugmentSettings

# Within 128 of 0 two logits are each off by at most 1/32, or 2⁻¹¹ of what lies beyond.
_OFF, _SHARE_OFF = 0.1, 1e-3
_AT_ONCE = 1024  # images, of whose logits float64 is made


def cache_answers(
    path: Path,
    dataset: ImageDataset,
    dataset_hash: str,
    answers: StoredAnswers,
    augment: AugmentSettings,
    host: Host,
) -> None:
    """Write the cache to ``path``: the answers to the only view that they are of.

    Raises:
        ValueError: what :func:`erde_torch.teacher_cache.rounding.as_float16` raises.
        OSError: the disk lacks room for the file.
    """
    identity = CacheIdentity(
        **expected_identity(dataset, dataset_hash, augment, 1),
        teacher=network_hash(answers),
        precision="float32",
        folds="1",
        maker=host.identity(stage="cache", threads=torch.get_num_threads()).text,
    )
    if is_done(path, identity, host):
        return
    table, rows = chosen_views(augment.pad, augment.flip, 1), as_float16(answers.train_rows).numpy()
    writer = TeacherLogitsWriter(host.folder, (1, *rows.shape), table, identity, host.say)
    # Of what students read; in float32, as NumPy searches float16 many times slower.
    wrong = (rows.astype(np.float32).argmax(2) != dataset.train.labels[:, None]).sum(0)
    if writer.missing:
        writer.write_view(0, rows, wrong)
    on_val = _numpy(answers.val_rows).argmax(2) != dataset.val.labels[:, None]
    host.check_held()
    writer.finish(path, on_val.mean(0, dtype=np.float64))
    say_wrong(path, host)


def verify_answers(
    cache: TeacherLogits,
    dataset: ImageDataset,
    dataset_hash: str,
    answers: StoredAnswers,
    augment: AugmentSettings,
) -> dict[str, object]:
    """Compare every row; what :func:`erde_torch.teacher_cache.verify.verify_cache` returns.

    Raises:
        StoreError: the cache belongs to other answers or another data set, or of a row a logit's
            distance from the second largest is not the file's, as far as float16 tells.
    """
    check_identity(cache, dataset, dataset_hash, [answers], augment)
    rows, different, largest = _numpy(answers.train_rows), 0, 0.0
    for start in range(0, len(rows), _AT_ONCE):
        wanted, found = (
            _distances(one[start : start + _AT_ONCE], rows[start : start + _AT_ONCE])
            for one in (rows, cache.logits[0])
        )
        off = np.abs(found - wanted)
        right = off <= _OFF + _SHARE_OFF * np.abs(wanted)  # NaN is not
        different += int((~right).any((1, 2)).sum())
        largest = max(largest, float(off.max()))
    if different:
        raise StoreError(
            f"cached logits must be the file's, got {different} of {len(rows)} rows in which "
            f"distances differ by more than {_OFF} (largest difference {largest:.3g})"
        )
    return {
        "rows": len(rows),
        "largest": largest,
        "precision": cache.identity.precision,
        "sha256": cache.sha256,
    }


def answers_exit_logits(
    answers: StoredAnswers, dataset: ImageDataset, dataset_hash: str
) -> ExitLogits:
    """Exit logits of the validation and test splits; what they cost is not known."""
    return ExitLogits(
        val=_split(answers.val_rows, dataset.val),
        test=_split(answers.test_rows, dataset.test),
        macs=np.zeros(answers.exit_count, np.int64),
        dataset=dataset_hash,
        network=network_hash(answers),
    )


def _distances(logits: NDArray[np.floating[Any]], rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Of each logit from the one that is the second largest in ``rows``."""
    second = np.argpartition(rows, -2, axis=-1)[..., -2:-1]
    exact = logits.astype(np.float64)
    return exact - np.take_along_axis(exact, second, -1)


def _split(rows: Tensor, split: Split) -> SplitLogits:
    return SplitLogits(_numpy(rows), split.labels, split.group)


def _numpy(rows: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(rows.numpy())
