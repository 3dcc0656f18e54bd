"""The one table that pairs every implementation: parity tests and benchmarks both read it.

=====================  =====================================================================
reference              ``erde_core``, closed form in float64
compiled twin          ``erde_core.fast``, per function in ``PAIRS``
PyTorch                ``erde_torch.loss`` under autograd, per dtype and device in ``BACKENDS``
50 digits              ``tests/data/loss_values*.json``, per case in ``exact_cases()`` and
                       ``exact_forms()``
=====================  =====================================================================

Loss cases and tolerances are those of the parity command (``erde_torch.parity.report``): one truth.
"""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import erde_core
from erde_core import LossSettings, OperatingPoints, fast
from erde_torch.parity.cases import Case, parity_cases, random_arguments
from erde_torch.parity.report import backends

VALUES = Path(__file__).parent / "data/loss_values.json"
OF_FORMS = VALUES.with_name("loss_values_of_forms.json")
BACKENDS = list(backends())
CASES = list(parity_cases())


@dataclass(frozen=True)
class Exact:
    """A case with what its terms are at 50 digits, rounded once to float64.

    Attributes:
        case: with the default weights at the case's temperature.
        right: whether the teacher's answer is the label, ``(N, E)``.
        terms: ``ce``, ``kd``, ``ent`` ``(N, E)`` and their derivatives ``*_slope`` ``(N, E, C)``.
    """

    case: Case
    right: np.ndarray
    terms: dict[str, np.ndarray]

    @property
    def loss(self):
        return self._weighted("ce", "kd", "ent", self.right)

    @property
    def gradient(self):
        return self._weighted("ce_slope", "kd_slope", "ent_slope", self.right[..., None])

    def _weighted(self, ce, kd, ent, right):
        divergence = np.where(right, self.terms[kd], 0.0)
        return self.terms[ce] + divergence + 0.3 * np.where(right, 0.0, self.terms[ent])

    def tolerance(self, expected):
        """1e-13 · max(1, |value|) for logits up to 300, 1e-11 for 1e4; beyond τ = 4 times τ²/16."""
        share = 1e-13 if self.case.magnitude <= 300 else 1e-11
        share *= max(1.0, self.case.settings.temperature**2 / 16)
        return share * np.maximum(1.0, np.abs(np.where(np.isfinite(expected), expected, 0.0)))


def exact_cases():
    """All cases of ``tests/data/make_loss_values.py``."""
    keys = [f"{term}{slope}" for term in ("ce", "kd", "ent") for slope in ("", "_slope")]
    for stored in json.loads(VALUES.read_text(encoding="utf-8")):
        arrays = {key: np.array(stored[key]) for key in ("student", "teacher", "labels")}
        settings = LossSettings(temperature=stored["temperature"])
        case = Case(stored["name"], "values at 50 digits", **arrays, settings=settings)
        yield Exact(case, np.array(stored["right"]), {key: np.array(stored[key]) for key in keys})


@dataclass(frozen=True)
class ExactForm:
    """A case whose settings leave one term, with its loss and gradient at 50 digits."""

    case: Case
    loss: np.ndarray
    gradient: np.ndarray


def exact_forms():
    """KD in its other forms, and SELF, for all cases of ``tests/data/make_loss_values.py``."""
    for stored in json.loads(OF_FORMS.read_text(encoding="utf-8")):
        arrays = {key: np.array(stored[key]) for key in ("student", "teacher", "labels")}
        pair = {"decoupled": stored["weights"]}
        for term, fields in {
            "standardised": {"standardise": True},
            "decoupled": pair,
            "both": pair | {"standardise": True},
            "self": {"kd_weight": 0.0, "self_weight": 1.0},
        }.items():
            alone = {"ce_weight": 0.0, "entropy_weight": 0.0, "kd_mask": "all"} | fields
            settings = LossSettings(temperature=stored["temperature"], **alone)
            name = f"{term}, {stored['name']}"
            case = Case(name, "values at 50 digits", **arrays, settings=settings)
            yield ExactForm(case, np.array(stored[term]), np.array(stored[f"{term}_slope"]))


@dataclass(frozen=True)
class Pair:
    """A function with a compiled twin.

    Attributes:
        name: in ``erde_core`` and in ``erde_core.fast``.
        arguments: gives them for a generator and N samples of E exits and C classes, float32
            where floating: what a user's logits are.
        tolerance: of results that are not counts or choices; 0 means equal to the last bit.
    """

    name: str
    arguments: Callable[..., tuple]
    tolerance: float

    @property
    def reference(self) -> Callable:
        return getattr(erde_core, self.name)

    @property
    def twin(self) -> Callable:
        return getattr(fast, self.name)

    def results(self, implementation: Callable, arguments: tuple) -> list[np.ndarray]:
        """The outcome as a list of arrays."""
        return _arrays(implementation(*arguments))


def _arrays(result: Any) -> list[np.ndarray]:
    if isinstance(result, OperatingPoints):
        return [getattr(result, field.name) for field in dataclasses.fields(result)]
    return list(result) if isinstance(result, tuple) else [result]


def logits_and_labels(rng, samples, exits=4, classes=100):
    """Student, teacher (float32) and labels, of which the teacher's exits know about half."""
    student, teacher, labels = random_arguments(rng, (samples, exits, classes))
    return student.astype(np.float32), teacher.astype(np.float32), labels


def loss_arguments(rng, samples, exits=4, classes=100):
    return *logits_and_labels(rng, samples, exits, classes), LossSettings()


def sweep_arguments(rng, samples, exits=4, classes=100):
    """Entropies that fall from exit to exit, answers that improve, and a network's MACs."""
    entropy = rng.uniform(0, np.log(classes), (samples, exits)) * rng.random((samples, 1))
    correct = rng.random((samples, exits)) < np.linspace(0.5, 0.8, exits)
    macs = np.cumsum(rng.integers(10**6, 10**8, exits))
    return entropy.astype(np.float32), correct, macs, classes


def _student_and_labels(rng, samples, **shape):
    student, _, labels = logits_and_labels(rng, samples, **shape)
    return student, labels


def _kd_arguments(rng, samples, **shape):
    student, teacher, _ = logits_and_labels(rng, samples, **shape)
    return student, teacher, 4.0


def _teacher_and_labels(rng, samples, **shape):
    _, teacher, labels = logits_and_labels(rng, samples, **shape)
    return teacher, labels


def _student(rng, samples, **shape):
    return logits_and_labels(rng, samples, **shape)[:1]


def _policy_arguments(rng, samples, **shape):
    return sweep_arguments(rng, samples, **shape)[0], 1.0


# Logits of these arguments lie within ±20, so a loss is below 500: 1e-12 is about 20 roundings of
# that in float64, which both compute in. The twin's gradient is rounded to float32, once, and is
# at most 6 in size.
PAIRS = [
    Pair("cross_entropy", _student_and_labels, 1e-12),
    Pair("kd_divergence", _kd_arguments, 1e-12),
    Pair("negative_entropy", _student, 1e-12),
    Pair("teacher_right", _teacher_and_labels, 0.0),
    Pair("erde_loss", loss_arguments, 1e-12),
    Pair("erde_loss_and_gradient", loss_arguments, 4e-7),
    Pair("exit_indices", _policy_arguments, 0.0),
    Pair("sweep", sweep_arguments, 0.0),
]
