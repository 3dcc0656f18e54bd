"""What a deployment folder says of itself: the content of its ``manifest.json``."""

import platform
from collections.abc import Mapping
from importlib import metadata

import numpy as np

from erde_core.certify import Certificate, certified_threshold, one_per_group, units_needed
from erde_core.outcomes import right_answers, split_sweep
from erde_core.scores.fitted import FittedScore
from erde_core.scores.scored_logits import ScoredLogits
from erde_core.store.manifest import FORMAT, VERSION, Fields, curve_columns, defaults
from erde_core.watch import level_of
from erde_torch.export.curves import pareto_curve, per_exit_curve, point_rows
from erde_torch.networks.weights import NetworkCard

MOST_WATCHED = 5000
# At most one answer in a hundred is harmed by leaving early, with 95 % confidence.
EPSILON, DELTA = 0.01, 0.05
_PACKAGES = ("numpy", "torch", "onnx", "onnxscript", "onnxruntime")


def deployment_manifest(
    card: NetworkCard,
    exits: ScoredLogits,
    teacher_macs: int | None,
    experiment: str,
    network: str,
    resize: str = "none",
    pixels_by: Mapping[str, str | None] | None = None,
) -> Fields:
    """The manifest of one network, without the hashes of the files beside it and the seal.

    Args:
        card: of the network.
        exits: its exit logits and score; the curve, the certificate and the guard rest on the
            validation images that the score has not been fitted to.
        teacher_macs: multiply-accumulates of one image through the whole teacher; None where they
            cannot be counted.
        experiment: the experiment's name.
        network: the network's name within it.
        resize: what the data set did with images of another size.
        pixels_by: the version of each library that decided the pixels, as Pillow does where images
            were read from files; None of one that is not installed.
    """
    certificate = _certificate(exits)
    points = split_sweep(exits.val, exits.macs, exits.score)
    curve = pareto_curve(points)
    named = [row[0] for row in curve] + ([certificate.threshold] if certificate else [])
    fields = network_fields(card, exits.macs.tolist(), exits.score)
    versions = {name: version for name, version in (pixels_by or {}).items() if version}
    return fields | {
        "versions": fields["versions"] | versions,
        "preprocessing": fields["preprocessing"] | {"resize": resize},
        "experiment": experiment,
        "network": network,
        "precision": exits.precision,
        "dataset_sha256": exits.dataset,
        "weights_sha256": exits.network,
        "teacher_macs": teacher_macs,
        "curve": curve,
        "operating_points": point_rows(points, named),
        "per_exit_curve": per_exit_curve(exits),
        "val_groups": len(np.unique(exits.val.group)),
        "certified_theta": certificate.threshold if certificate else None,
        "certificate": certificate and _certificate_fields(certificate),
        "watch": {"validation_scores": _watched(exits)},
    }


def network_fields(card: NetworkCard, macs: list[int], score: FittedScore | None = None) -> Fields:
    """What a manifest says of a network that nobody evaluated yet.

    Args:
        card: of the network.
        macs: multiply-accumulates of one image to the end of each exit.
        score: by which images leave; the entropy where None.
    """
    channels, height, width = card.image_shape
    score = score or FittedScore("entropy", len(card.class_names))
    return defaults([height, width, channels]) | {
        "format": FORMAT,
        "version": VERSION,
        "dataset_sha256": card.dataset,
        "shape": [height, width, channels],
        "mean": list(card.mean),
        "std": list(card.std),
        "class_names": list(card.class_names),
        "entropy_unit": "nats",
        "score": score.fields(),
        "largest_theta": score.largest,
        "macs": macs,
        "curve_columns": curve_columns(score.name),
        "versions": {name: metadata.version(name) for name in _PACKAGES}
        | {"python": platform.python_version()},
    }


def _certificate(exits: ScoredLogits) -> Certificate | None:
    """The certified threshold; None where the validation split is too small for any."""
    split, score = exits.val, exits.score
    if len(np.unique(split.group)) < units_needed(EPSILON, DELTA):
        return None
    return certified_threshold(
        score.values(split.logits),
        right_answers(split),
        largest=score.largest,
        epsilon=EPSILON,
        delta=DELTA,
        group=split.group,
    )


def _certificate_fields(certificate: Certificate) -> Fields:
    fields = ("harmed", "units", "epsilon", "delta")
    return {name: getattr(certificate, name) for name in fields}


def _watched(exits: ScoredLogits) -> list[int] | None:
    """Levels of the first exit's score on independent validation images; None without that exit.

    Of many images a part, drawn with a fixed seed.
    """
    if len(exits.macs) == 1:
        return None
    independent = np.flatnonzero(one_per_group(exits.val.group, len(exits.val.labels)))
    drawn = np.random.default_rng(0).permutation(independent)[:MOST_WATCHED]
    scores = exits.score.values(exits.val.logits[drawn])[:, 0]
    return sorted(level_of(value, exits.score.largest) for value in scores.tolist())
