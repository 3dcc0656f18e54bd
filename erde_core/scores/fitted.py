"""A score with its fitted numbers: what a policy computes of a network's logits.

A label names a score and how it is fitted: ``entropy``, ``max_prob``, ``margin`` as they are,
``entropy_tempered`` and so on with one temperature per exit, and ``gate``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core import checks
from erde_core.errors import ErdeError
from erde_core.scores.gate import FEATURES, Gate
from erde_core.scores.table import SCORES
from erde_core.scores.temperature import fit_temperatures
from erde_core.softmax import Float64

TEMPERED = "_tempered"
LABELS = (
    *(name for name, score in SCORES.items() if not score.fitted),
    *(name + TEMPERED for name, score in SCORES.items() if score.tempered),
    *(name for name, score in SCORES.items() if score.fitted),
)


@dataclass(frozen=True)
class FittedScore:
    """One score, ready to be computed.

    Attributes:
        name: a key of ``SCORES``.
        classes: C.
        temperatures: that the logits of each exit are divided by, ``(E,)``, or None.
        gate: what the score ``gate`` has learnt, else None.
    """

    name: str
    classes: int
    temperatures: Float64 | None = None
    gate: Gate | None = None

    @property
    def label(self) -> str:
        """One of ``LABELS``."""
        return self.name if self.temperatures is None else self.name + TEMPERED

    @property
    def largest(self) -> float:
        """The loosest valid threshold."""
        return SCORES[self.name].largest(self.classes)

    def values(self, logits: ArrayLike) -> Float64:
        """The score of raw logits ``(N, E, C)``, float64 ``(N, E)``; NaN for undefined rows.

        Raises:
            ValueError: logits of another number of exits or classes than the score was made for.
        """
        logits = checks.float_array("logits", logits, ndim=3)
        if logits.shape[2] != self.classes:
            raise ErdeError(
                f"logits must have {self.classes} classes as the score, got {logits.shape[2]}"
            )
        if self.gate is not None:
            return self.gate.values(logits)
        if self.temperatures is not None:
            if len(self.temperatures) != logits.shape[1]:
                raise ErdeError(
                    f"logits must have {len(self.temperatures)} exits as the temperatures, "
                    f"got {logits.shape[1]}"
                )
            logits = logits.astype(np.float64) / self.temperatures[:, None]
        values: Float64 = SCORES[self.name].load().values(logits)
        return values

    def fields(self) -> dict[str, Any]:
        """Plain numbers and lists, for a manifest: ``name``, ``temperatures``, ``gate``."""
        parts = ("mean", "scale", "weights", "intercept")
        return {
            "name": self.name,
            "temperatures": None if self.temperatures is None else self.temperatures.tolist(),
            "gate": self.gate and {part: getattr(self.gate, part).tolist() for part in parts},
        }


def from_fields(fields: Mapping[str, Any], classes: int) -> FittedScore:
    """The score that :meth:`FittedScore.fields` describes.

    Raises:
        ValueError: an unknown name, or numbers that are missing, not finite or of a wrong shape.
    """
    name, temperatures, gate = (fields[key] for key in ("name", "temperatures", "gate"))
    if name not in SCORES:
        raise ErdeError(f"name must be one of {', '.join(SCORES)}, got {name!r}")
    if temperatures is not None and not SCORES[name].tempered:
        raise ErdeError(f"temperatures must be empty for the score {name}, got {temperatures!r}")
    if (gate is not None) != SCORES[name].fitted:
        raise ErdeError(f"gate must be given for the score gate alone, got {gate!r} for {name}")
    if temperatures is not None:
        temperatures = _finite("temperatures", temperatures, (len(temperatures),))
        if (temperatures <= 0).any():
            raise ErdeError(f"temperatures must be > 0, got {temperatures.tolist()}")
    if gate is not None:
        early = len(gate["intercept"])
        shapes: dict[str, tuple[int, ...]] = {"intercept": (early,)}
        shapes |= dict.fromkeys(("mean", "scale", "weights"), (early, len(FEATURES)))
        gate = Gate(**{part: _finite(part, gate[part], shape) for part, shape in shapes.items()})
        if (gate.scale <= 0).any():
            raise ErdeError(f"scale must be > 0, got {gate.scale.tolist()}")
    return FittedScore(name, classes, temperatures, gate)


def needs_fitting(label: str) -> bool:
    """Whether images must be set aside to fit the score of this label."""
    check_label(label)
    return label not in SCORES or SCORES[label].fitted


def fit_score(label: str, logits: NDArray[np.floating], labels: NDArray[np.int64]) -> FittedScore:
    """The score of a label, fitted to images (which a bare score does not look at).

    Args:
        label: one of ``LABELS``.
        logits: raw, ``(N, E, C)``, of the fit half.
        labels: ``(N,)``.

    Raises:
        ValueError: an unknown label, or as the fits.
    """
    return fit_scores([label], logits, labels)[label]


def fit_scores(
    wanted: Iterable[str], logits: NDArray[np.floating], labels: NDArray[np.int64]
) -> dict[str, FittedScore]:
    """:func:`fit_score` of several labels; temperatures, which all share, are fitted once."""
    logits = checks.float_array("logits", logits, ndim=3)
    classes, found = logits.shape[2], dict[str, FittedScore]()
    temperatures: Float64 | None = None
    for label in wanted:
        if not needs_fitting(label):
            found[label] = FittedScore(label, classes)
            continue
        labels = checks.class_labels(labels, len(logits), classes)
        if label in SCORES:
            correct = logits.argmax(axis=2) == labels[:, None]
            gate = SCORES[label].load().fit(logits, correct)
            found[label] = FittedScore(label, classes, gate=gate)
            continue
        if temperatures is None:
            temperatures = fit_temperatures(logits, labels)
        name = label.removesuffix(TEMPERED)
        found[label] = FittedScore(name, classes, temperatures=temperatures)
    return found


def check_label(label: str) -> None:
    """``label`` names a score.

    Raises:
        ValueError: it does not.
    """
    checks.one_of("score", label, LABELS)


def _finite(name: str, values: ArrayLike, shape: tuple[int, ...]) -> Float64:
    array = np.asarray(values, dtype=np.float64)
    if not array.size and 0 in shape:  # of a network that never leaves early: lists have no shape
        array = array.reshape(shape)
    if array.shape != shape or not np.isfinite(array).all():
        raise ErdeError(f"{name} must be finite numbers of shape {shape}, got {values!r}")
    return array
