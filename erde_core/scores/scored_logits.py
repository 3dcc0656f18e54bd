"""The exit logits of a network together with the score by which its images leave."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erde_core.errors import ErdeError
from erde_core.scores.fitted import FittedScore
from erde_core.scores.split import scored_split
from erde_core.store.exit_logits import FLOAT32, ExitLogits, SplitLogits


@dataclass(frozen=True)
class ScoredLogits:
    """What one trained network answers, and how unsure it says it is.

    Attributes:
        val: the validation images that thresholds may be chosen and certified on: all of them, or
            the half that the score has not been fitted to.
        test: the test split, whole.
        macs: multiply-accumulates of one image to the end of each exit, int64 ``(E,)``.
        dataset: SHA-256 of the data set's content.
        network: SHA-256 of the network's weights.
        score: by which images leave.
        precision, trained: of the network that answers, as in :class:`ExitLogits`.
    """

    val: SplitLogits
    test: SplitLogits
    macs: NDArray[np.int64]
    dataset: str
    network: str
    score: FittedScore
    precision: str = FLOAT32
    trained: str = ""


def score_logits(label: str, exits: ExitLogits, *, halve: bool = False) -> ScoredLogits:
    """The network with the score of ``label``, fitted on validation where it needs to be.

    Args:
        label: one of :data:`erde_core.scores.fitted.LABELS`.
        exits: of the network.
        halve: keep the second half alone for a bare score too, to compare it with fitted ones.

    Raises:
        ValueError: an unknown label, or too few independent images for two halves.
    """
    found = scored_split(label, exits.val, halve=halve)
    return ScoredLogits(
        found.rest,
        exits.test,
        exits.macs,
        exits.dataset,
        exits.network,
        found.score,
        exits.precision,
        exits.trained,
    )


def score_networks(
    label: str, networks: Mapping[tuple[str, int], ExitLogits]
) -> dict[tuple[str, int], ScoredLogits]:
    """:func:`score_logits` of each network, called (variant, seed).

    Raises:
        ValueError: as :func:`score_logits`; the message names the network.
    """
    found = {}
    for (variant, seed), exits in networks.items():
        try:
            found[variant, seed] = score_logits(label, exits)
        except ValueError as error:
            raise ErdeError(f"{variant}/seed{seed}: {error}") from None
    return found
