"""What a deployment folder says of itself: the content of its ``manifest.json``."""

import math
import platform
from importlib import metadata

import numpy as np
from numpy.typing import NDArray

from erde_core.certify import Certificate, certified_threshold, units_needed
from erde_core.outcomes import right_answers, split_sweep
from erde_core.softmax import entropy
from erde_core.store.exit_logits import ExitLogits, SplitLogits
from erde_core.store.manifest import FORMAT, VERSION, Fields, defaults
from erde_core.sweep import OperatingPoints, pareto_front
from erde_torch.networks.weights import NetworkCard

CURVE_POINTS = 200
# At most one answer in a hundred is harmed by leaving early, with 95 % confidence.
EPSILON, DELTA = 0.01, 0.05
_PACKAGES = ("numpy", "torch", "onnx", "onnxscript", "onnxruntime")


def deployment_manifest(
    card: NetworkCard,
    exits: ExitLogits,
    teacher_macs: int | None,
    experiment: str,
    network: str,
    resize: str = "none",
) -> Fields:
    """The manifest of one network, without the hashes of the files beside it and the seal.

    Args:
        card: of the network.
        exits: its exit logits; the curve and the certificate rest on the validation split.
        teacher_macs: multiply-accumulates of one image through the whole teacher; None where they
            cannot be counted.
        experiment: the experiment's name.
        network: the network's name within it.
        resize: what the data set did with images of another size.
    """
    certificate = _certificate(exits.val)
    fields = network_fields(card, exits.macs.tolist())
    return fields | {
        "preprocessing": fields["preprocessing"] | {"resize": resize},
        "experiment": experiment,
        "network": network,
        "precision": exits.precision,
        "dataset_sha256": exits.dataset,
        "weights_sha256": exits.network,
        "teacher_macs": teacher_macs,
        "curve": _curve(exits.val, exits.macs),
        "val_groups": len(np.unique(exits.val.group)),
        "certified_theta": certificate.threshold if certificate else None,
        "certificate": certificate and _certificate_fields(certificate),
    }


def network_fields(card: NetworkCard, macs: list[int]) -> Fields:
    """What a manifest says of a network that nobody evaluated yet.

    Args:
        card: of the network.
        macs: multiply-accumulates of one image to the end of each exit.
    """
    channels, height, width = card.image_shape
    return defaults([height, width, channels]) | {
        "format": FORMAT,
        "version": VERSION,
        "dataset_sha256": card.dataset,
        "shape": [height, width, channels],
        "mean": list(card.mean),
        "std": list(card.std),
        "class_names": list(card.class_names),
        "entropy_unit": "nats",
        "largest_theta": 2 * math.log(len(card.class_names)),
        "macs": macs,
        "curve_columns": ["theta_nats", "val_accuracy", "val_mean_macs"],
        "versions": {name: metadata.version(name) for name in _PACKAGES}
        | {"python": platform.python_version()},
    }


def _curve(split: SplitLogits, macs: NDArray[np.int64]) -> list[list[float]]:
    """The full network first, then at most 199 points of the Pareto front, dear to cheap."""
    points = split_sweep(split, macs)
    front = pareto_front(points)
    count = min(len(front), CURVE_POINTS - 1)
    kept = np.unique(np.linspace(0, len(front) - 1, count).round().astype(np.int64))
    return _rows(points.take(np.array([0]))) + _rows(front.take(kept))


def _rows(points: OperatingPoints) -> list[list[float]]:
    columns = (points.threshold, points.accuracy, points.mean_macs)
    rows: list[list[float]] = np.column_stack(columns).tolist()
    return rows


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
