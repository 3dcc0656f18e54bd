"""The inputs on which loss implementations are compared: each case says why it is there."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

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
        class_weight: float64 ``(C,)`` or None.
    """

    name: str
    why: str
    student: Logits
    teacher: Logits | None
    labels: NDArray[np.int64]
    settings: LossSettings
    class_weight: NDArray[np.float64] | None = None

    def rounded(self, dtype: str) -> "Case":
        """The case with logits that ``dtype`` (``float64`` … ``bfloat16``) holds exactly."""
        teacher = None if self.teacher is None else _rounded(self.teacher, dtype)
        weight = None if self.class_weight is None else _rounded(self.class_weight, dtype)
        student = _rounded(self.student, dtype)
        return replace(self, student=student, teacher=teacher, class_weight=weight)

    @property
    def magnitude(self) -> float:
        """The largest finite |logit|."""
        arrays = [self.student] if self.teacher is None else [self.student, self.teacher]
        values = np.abs(np.concatenate([array.ravel() for array in arrays]))
        return float(np.max(values, where=np.isfinite(values), initial=0.0))

    @property
    def smallest_deviation(self) -> float:
        """The smallest standard deviation of a finite row that is not constant, else 1."""
        arrays = [self.student] if self.teacher is None else [self.student, self.teacher]
        rows = np.concatenate([array.reshape(-1, array.shape[2]) for array in arrays])
        rows = rows[np.isfinite(rows).all(axis=1)]
        deviation = rows.std(axis=1, ddof=1)
        return float(np.min(deviation, where=deviation > 0, initial=1.0))


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
    yield from _of_the_forms(rng, student, teacher, labels)
    yield from _of_each_teacher(rng)


def _of_the_forms(
    rng: np.random.Generator, student: Logits, teacher: Logits, labels: NDArray[np.int64]
) -> Iterator[Case]:
    """KD's other forms, SELF and class weights, on the inputs that test the usual settings."""
    inputs = {
        "moderate": (student, teacher),
        "up to 300": (_far_apart(rng, 300), _far_apart(rng, 300)),
        "near uniform": (0.01 * student, 0.01 * teacher),
        "masked": _masked(student, teacher),
    }
    for name, settings, why in _FORMS:
        for kind, (own, other) in inputs.items():
            if kind == "masked" and settings.standardise and name != "kd_ls":
                continue  # undefined everywhere: one case is enough
            yield Case(f"{name}, {kind}", why, own, other, labels, settings)
    weight: NDArray[np.float64] = rng.uniform(0, 3, student.shape[2:])
    weight[::7] = 0
    for name in ("masked_kd", "dkd"):
        chosen = method_settings(name)
        why = "CE alone is weighted by the class"
        yield Case(f"{name}, class weights", why, student, teacher, labels, chosen, weight)
    for exits in (1, 5):
        other = np.repeat(teacher[:, :1], exits, axis=1)
        other[:, :-1] = np.nan
        why = "of a teacher with another number of exits only the last is read"
        yield Case(f"teacher of {exits} exits", why, student, other, labels, _FROM_LAST)


def _of_each_teacher(rng: np.random.Generator) -> Iterator[Case]:
    """Settings × teacher that is read, not needed or absent × undefined rows: who reads what."""
    student, teacher, labels = random_arguments(rng, (12, 3, 9))
    own, other = _spoilt(student, teacher)
    all_spoilt = np.full_like(other, np.nan)
    for settings in _readings():
        name = ", ".join(f"{key}={value}" for key, value in settings.items())
        chosen = LossSettings(**settings)
        if chosen.needs_teacher:
            why = "NaN where a term reads an undefined row, and nowhere else"
            yield Case(f"undefined: {name}", why, own, other, labels, chosen)
            continue
        why = "a teacher that nobody asks changes nothing, wherever the student is undefined"
        yield Case(f"undefined, no teacher: {name}", why, own, None, labels, chosen)
        yield Case(f"undefined, ignored teacher: {name}", why, own, all_spoilt, labels, chosen)


def _readings() -> Iterator[dict[str, Any]]:
    """Settings that differ in which rows they read."""
    for right_from, target_from in itertools.product(("exit", "last"), repeat=2):
        rows = {"right_from": right_from, "target_from": target_from}
        for weights in (
            {"kd_weight": 0.0, "entropy_weight": 0.0},
            {"kd_weight": 0.0, "entropy_weight": 0.0, "self_weight": 0.5},
            {"kd_weight": 0.0, "entropy_weight": 0.0, "ce_mask": "right"},
            {"kd_weight": 0.0},
            {"entropy_weight": 0.0, "kd_mask": "all"},
            {"entropy_weight": 0.0, "kd_mask": "all", "standardise": True},
            {"entropy_weight": 0.0, "decoupled": (1.0, 8.0)},
            {"self_weight": 0.5},
        ):
            yield rows | weights


_FROM_LAST = LossSettings(right_from="last", target_from="last", self_weight=0.5)
_FORMS = (
    ("dkd", method_settings("dkd"), "KD in two parts"),
    ("kd_ls", method_settings("kd_ls"), "KD of standardised rows"),
    (
        "both forms",
        LossSettings(decoupled=(0.7, 2.0), standardise=True, kd_weight=0.9, temperature=2.0),
        "standardised first, then decoupled, masked",
    ),
    ("label part", method_settings("dkd", decoupled=(1.5, 0.0)), "β = 0 leaves a part out"),
    ("others' part", method_settings("dkd", decoupled=(0.0, 2.0)), "α = 0 leaves a part out"),
    ("target from last", LossSettings(target_from="last"), "every exit imitates the last"),
    (
        "self alone",
        method_settings("ce", self_weight=0.8, temperature=3.0),
        "early exits imitate the own last, whatever the teacher",
    ),
    (
        "everything",
        LossSettings(
            decoupled=(1.0, 2.0),
            standardise=True,
            self_weight=0.8,
            target_from="last",
            entropy_scale="log_c",
        ),
        "SELF is neither masked nor standardised nor decoupled",
    ),
)
_SETTINGS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"temperature": 0.5}, "τ below 1 sharpens: logits grow"),
    ({"temperature": 1.0}, "KD and CE share a softmax"),
    ({"temperature": 2.0}, "p is a power of the softened distribution: a tempting short cut"),
    ({"temperature": 20.0}, "τ² magnifies rounding"),
    ({"temperature": 100.0, "kd_mask": "all"}, "the largest τ that is allowed"),
    ({"temperature": 0.001, "kd_mask": "all"}, "the smallest τ that is allowed"),
    ({"kd_mask": "all"}, "plain distillation beside the entropy term"),
    ({"kd_exits": "late"}, "the first exit imitates nobody"),
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
    rounded: Logits = torch.tensor(array).to(getattr(torch, dtype)).double().numpy()
    return rounded
