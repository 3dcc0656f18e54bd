"""The inputs on which loss implementations are compared: each case says why it is there."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from erde_core.settings import LossSettings, method_settings

Logits = NDArray[np.float64]
# Odd, unequal lengths: a swapped axis or a wrong stride cannot go unnoticed. 130 classes are more
# than one vector register or block holds, and no multiple of either.
SHAPE = (21, 3, 130)


@dataclass(frozen=True)
class Case:
    """Arguments of ``erde_loss``.

    Attributes:
        name: of the case set's row.
        why: what it would find.
        student, teacher: float64 ``(N, E, C)``; ``teacher`` may be None.
        labels: int64 ``(N,)``.
        settings: weights and masks.
    """

    name: str
    why: str
    student: Logits
    teacher: Logits | None
    labels: NDArray[np.int64]
    settings: LossSettings

    def rounded(self, dtype: str) -> "Case":
        """The case with logits that ``dtype`` (``float64`` … ``bfloat16``) holds exactly."""
        teacher = None if self.teacher is None else _rounded(self.teacher, dtype)
        return replace(self, student=_rounded(self.student, dtype), teacher=teacher)

    @property
    def magnitude(self) -> float:
        """The largest finite |logit|."""
        arrays = [self.student] if self.teacher is None else [self.student, self.teacher]
        values = np.abs(np.concatenate([array.ravel() for array in arrays]))
        return float(np.max(values, where=np.isfinite(values), initial=0.0))


def parity_cases() -> Iterator[Case]:
    """All cases, the same on every machine."""
    rng = np.random.default_rng(0)
    student, teacher, labels = random_arguments(rng, SHAPE)
    erde = LossSettings()
    yield Case("moderate", "the size that trained networks give", student, teacher, labels, erde)
    for settings, why in _SETTINGS:
        name = ", ".join(f"{key}={value}" for key, value in settings.items())
        yield Case(name, why, student, teacher, labels, replace(erde, **settings))
    ce = method_settings("ce")
    yield Case("ce, no teacher", "teacher=None", student, None, labels, ce)
    for scale in (300, 1e4):
        large = (_far_apart(rng, scale), _far_apart(rng, scale))
        why = "exp overflows unless the maximum is subtracted before the division"
        yield Case(f"up to {scale:g}", why, *large, labels, erde)
    flat = (1e-3 * student, 1e-3 * teacher)
    yield Case("near uniform", "each term is a small difference of logarithms", *flat, labels, erde)
    yield Case("ties", "the first maximum is the answer", *_tied(rng), labels, erde)
    yield Case("masked", "-inf: 0 · log 0 = 0", *_masked(student, teacher), labels, erde)
    yield Case(
        "undefined", "NaN in, NaN out, elsewhere not", *_spoilt(student, teacher), labels, erde
    )
    last = replace(erde, right_from="last")
    yield Case(
        "undefined, last", "one row decides for all", *_spoilt(student, teacher), labels, last
    )
    small = random_arguments(rng, (5, 1, 2))
    yield Case("one exit, two classes", "the smallest network", *small, erde)
    yield Case("no samples", "empty in, empty out", student[:0], teacher[:0], labels[:0], erde)


_SETTINGS = (
    ({"temperature": 0.5}, "τ below 1 sharpens: logits grow"),
    ({"temperature": 1.0}, "KD and CE share a softmax"),
    ({"temperature": 2.0}, "p is a power of the softened distribution: a tempting short cut"),
    ({"temperature": 20.0}, "τ² magnifies rounding"),
    ({"kd_mask": "all"}, "plain distillation beside the entropy term"),
    ({"ce_mask": "right"}, "no label where the teacher is wrong"),
    ({"entropy_exits": "early"}, "the last exit has no entropy term"),
    ({"entropy_scale": "log_c"}, "the entropy term is divided by log C"),
    ({"right_from": "last"}, "the last exit decides for all"),
    ({"ce_weight": 0.0, "kd_weight": 0.0, "entropy_weight": 2.0}, "entropy alone"),
    ({"ce_weight": 0.0, "kd_weight": 0.7, "entropy_weight": 0.0}, "divergence alone, masked"),
)


def random_arguments(
    rng: np.random.Generator, shape: tuple[int, int, int]
) -> tuple[Logits, Logits, NDArray[np.int64]]:
    """Student, teacher and labels of which the teacher's exits know about half."""
    samples, _, classes = shape
    student, teacher = 3 * rng.standard_normal(shape), 3 * rng.standard_normal(shape)
    labels = rng.integers(classes, size=samples)
    known = rng.random(shape[:2]) < 0.5
    sample, exit_ = np.nonzero(known)
    teacher[sample, exit_, labels[sample]] = 15.0
    return student, teacher, labels


def _far_apart(rng: np.random.Generator, limit: float) -> Logits:
    """Values over ±limit with two competitors at the top: else every softmax is one-hot."""
    values = rng.uniform(-limit, limit, SHAPE)
    values[:, :, :2] = limit - rng.uniform(0, 3, (*SHAPE[:2], 2))
    return values


def _tied(rng: np.random.Generator) -> tuple[Logits, Logits]:
    student, teacher = (rng.integers(-1, 2, SHAPE).astype(np.float64) for _ in range(2))
    student[0] = teacher[1] = 0.0
    return student, teacher


def _masked(student: Logits, teacher: Logits) -> tuple[Logits, Logits]:
    """Classes 5 … 9 exist for neither; the student alone masks some more (KD is infinite there)."""
    student, teacher = student.copy(), teacher.copy()
    student[:, :, 5:10] = teacher[:, :, 5:10] = -np.inf
    student[::4, :, 100:] = -np.inf
    teacher[1::4, :, 100:] = -np.inf
    return student, teacher


def _spoilt(student: Logits, teacher: Logits) -> tuple[Logits, Logits]:
    student, teacher = student.copy(), teacher.copy()
    for array, first in ((student, 0), (teacher, 6)):
        array[first, 0, 7] = np.nan
        array[first + 1, 1, 7] = np.inf
        array[first + 2, 2] = -np.inf
        array[first + 3, :, 0] = np.nan
    return student, teacher


def _rounded(array: Logits, dtype: str) -> Logits:
    return torch.tensor(array).to(getattr(torch, dtype)).double().numpy()
