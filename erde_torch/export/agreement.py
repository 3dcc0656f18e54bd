"""Whether all that is shipped decides as the evaluation counted, on real images."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from erde_core.decisions import (
    Agreement,
    Decide,
    Threshold,
    compare_decisions,
    spread_thresholds,
)
from erde_core.images import Split
from erde_core.scores.fitted import FittedScore
from erde_core.store.exit_logits import SplitLogits
from erde_torch.images.drawn import drawn
from erde_torch.networks.multi_exit import MultiExitNetwork
from erde_torch.networks.staged import StagedNetwork
from erde_torch.networks.viewed_images import plain_images
from erde_torch.networks.weights import NetworkCard

MOST_IMAGES = 1000  # more would take longer than the training of a small network
_BATCH = 64

# Images uint8 (N, H, W, channels) and θ, one or one per early exit, to class, probability and exit,
# (N,) each.
Predict = Callable[
    [NDArray[np.uint8], Threshold], tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]
]


def deployment_agreement(
    network: MultiExitNetwork | None,
    card: NetworkCard,
    predict: Predict,
    images: Split,
    logits: SplitLogits,
    macs: NDArray[np.int64],
    score: FittedScore | None = None,
    thresholds: NDArray[np.float64] | None = None,
) -> Iterator[tuple[str, Agreement]]:
    """Staged PyTorch, staged ONNX and the single ONNX file against the exit logits on file.

    Takes ``MOST_IMAGES`` images that are drawn from all, at 20 operating points unless others are
    given.

    Args:
        network, card: what was exported; no network where PyTorch cannot run it (in 8 bits).
        predict: of the exported files; asked for batches, and for single images.
        images, logits: a split, and what the exits said of it.
        macs: to the end of each exit, ``(E,)``.
        score: by which images leave; the entropy where None.
        thresholds: one θ for each operating point, or one per early exit, ``(K, E - 1)``.

    Yields:
        The implementation's name and how it compares.
    """
    part = drawn(len(images), MOST_IMAGES)
    pixels = images.images[part]
    split = SplitLogits(logits.logits[part], logits.labels[part], logits.group[part])
    if thresholds is None:
        thresholds = spread_thresholds(split, macs, score)
    deciders = {}
    if network is not None:
        deciders["staged PyTorch"] = _staged_torch(network, card, pixels, score)
    deciders |= {
        "staged ONNX": _shipped(predict, pixels, _BATCH),
        "single ONNX": _shipped(predict, pixels, 1),
    }
    for name, decide in deciders.items():
        yield name, compare_decisions(split, thresholds, decide, score)


def _staged_torch(
    network: MultiExitNetwork,
    card: NetworkCard,
    pixels: NDArray[np.uint8],
    score: FittedScore | None,
) -> Decide:
    staged = StagedNetwork(network, score=score)
    viewed = plain_images(pixels, card.mean, card.std, staged.device)
    starts = range(0, len(pixels), _BATCH)
    parts = [torch.arange(n, min(n + _BATCH, len(pixels))) for n in starts]

    def decide(threshold: Threshold) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        found = [staged.predict(viewed.batch(p, torch.zeros_like(p)), threshold) for p in parts]
        exits, labels = (torch.cat([getattr(f, n) for f in found]) for n in ("exit", "label"))
        return exits.numpy(), labels.numpy()

    return decide


def _shipped(predict: Predict, pixels: NDArray[np.uint8], batch: int) -> Decide:
    starts = range(0, len(pixels), batch)

    def decide(threshold: Threshold) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        found = [predict(pixels[n : n + batch], threshold) for n in starts]
        labels, _, exits = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return exits, labels

    return decide
