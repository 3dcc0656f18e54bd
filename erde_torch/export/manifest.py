"""What a deployment folder says of itself: the content of its ``manifest.json``."""

import hashlib
import math
import platform
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from erde_core.certify import Certificate, certified_threshold, units_needed
from erde_core.scores.split import right_answers, split_sweep
from erde_core.softmax import entropy
from erde_core.store.exit_logits import ExitLogits, SplitLogits
from erde_core.sweep import OperatingPoints, pareto_front
from erde_torch.networks.weights import NetworkCard

FORMAT, VERSION = "erde deployment", 1
CURVE_POINTS = 200
# At most one answer in a hundred is spoilt by leaving early, with 95 % confidence.
EPSILON, DELTA = 0.01, 0.05
_PACKAGES = ("numpy", "torch", "onnx", "onnxscript", "onnxruntime")

Fields = dict[str, object]


def deployment_manifest(
    card: NetworkCard, exits: ExitLogits, teacher_macs: int, experiment: str, network: str
) -> Fields:
    """The manifest of one network, without the hashes of the files beside it.

    Args:
        card: of the network.
        exits: its exit logits; the curve and the certificate rest on the validation split.
        teacher_macs: multiply-accumulates of one image through the whole teacher.
        experiment: the experiment's name.
        network: the network's name within it.
    """
    certificate = _certificate(exits.val)
    channels, height, width = card.image_shape
    return {
        "format": FORMAT,
        "version": VERSION,
        "experiment": experiment,
        "network": network,
        "dataset_sha256": exits.dataset,
        "weights_sha256": exits.network,
        "shape": [height, width, channels],
        "mean": list(card.mean),
        "std": list(card.std),
        "class_names": list(card.class_names),
        "entropy_unit": "nats",
        "largest_theta": 2 * math.log(len(card.class_names)),
        "macs": exits.macs.tolist(),
        "teacher_macs": teacher_macs,
        "curve_columns": ["theta_nats", "val_accuracy", "val_mean_macs"],
        "curve": _curve(exits.val, exits.macs),
        "certified_theta": certificate.threshold if certificate else None,
        "certificate": certificate and _certificate_fields(certificate),
        "versions": {name: metadata.version(name) for name in _PACKAGES}
        | {"python": platform.python_version()},
    }


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _curve(split: SplitLogits, macs: NDArray[np.int64]) -> list[list[float]]:
    """The full network first, then at most 199 points of the Pareto front, dear to cheap."""
    points = split_sweep(split, macs)
    front = pareto_front(points)
    count = min(len(front), CURVE_POINTS - 1)
    kept = np.unique(np.linspace(0, len(front) - 1, count).round().astype(np.int64))
    return _rows(points.take(np.array([0]))) + _rows(front.take(kept))


def _rows(points: OperatingPoints) -> list[list[float]]:
    columns = (points.threshold, points.accuracy, points.mean_macs)
    return np.column_stack(columns).tolist()


def _certificate(split: SplitLogits) -> Certificate | None:
    """The certified threshold; None where the validation split is too small for any."""
    if len(np.unique(split.group)) < units_needed(EPSILON, DELTA):
        return None
    return certified_threshold(
        entropy(split.logits),
        right_answers(split),
        split.logits.shape[2],
        epsilon=EPSILON,
        delta=DELTA,
        group=split.group,
    )


def _certificate_fields(certificate: Certificate) -> Fields:
    fields = ("harmed", "units", "epsilon", "delta")
    return {name: getattr(certificate, name) for name in fields}
