"""The differences between variants once more, from packed answers instead of networks.

    python -m studies.recount docs/results

writes comparison.csv and overall.csv of every experiment in :data:`SOURCES`. Where the way of
comparing changes, networks that are gone can be compared by it all the same; an entropy is as exact
as :mod:`studies.packing` keeps it, 4,095ths of log C.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erde.evaluation import tables
from erde.evaluation.differences.comparison import comparison_rows, overall_rows
from erde.evaluation.differences.resample import resample_variants
from erde_core.scores.scored_logits import ScoredLogits, score_logits
from erde_core.softmax import entropy
from erde_core.store.exit_logits import ExitLogits, SplitLogits
from studies.compose import BOOK, HERE, compose, read_book
from studies.packing import unpacked_answers

# Whose packed answers hold the networks of an experiment: where the same networks serve two, they
# are packed once.
SOURCES: dict[str, tuple[str, ...]] = {
    "middle_cifar100": ("middle_cifar100",),
    "middle_cifar100_seeds": ("middle_cifar100", "middle_cifar100_seeds"),
    "middle_cifar100_best": ("middle_cifar100_best",),
    "middle_cifar100_envelope": ("middle_cifar100_envelope",),
    "averaged_cifar100": ("averaged_cifar100",),
    "given_cifar100": ("given_cifar100",),
    "given_cifar100_envelope": ("given_cifar100_envelope",),
}
Networks = dict[tuple[str, int], ScoredLogits]


def recount(published: Path, experiment: str) -> None:
    """Write both tables of one experiment into ``<published>/<experiment>``."""
    settings = compose(experiment, read_book(HERE / BOOK))
    methods = {name: variant["method"] for name, variant in settings["variants"].items()}
    packed: dict[str, NDArray[Any]] = {}
    for source in SOURCES[experiment]:
        packed |= unpacked_answers(published / source / "answers.npz.xz")
    networks = {
        (variant, seed): network_of(packed, f"{variant}/seed{seed}")
        for variant in methods
        for seed in settings["seeds"]
    }
    score, resampled = next(iter(networks.values())).score, resample_variants(networks)
    folder = published / experiment
    tables.COMPARISON.write(folder / "comparison.csv", comparison_rows(resampled, methods, score))
    tables.OVERALL.write(folder / "overall.csv", overall_rows(resampled, methods, score))


def network_of(packed: Mapping[str, NDArray[Any]], name: str) -> ScoredLogits:
    """The network ``<variant>/seed<n>`` as its packed answers show it, leaving by entropy."""
    classes = 1 + max(int(packed[f"{split}/labels"].max()) for split in ("val", "test"))
    val, test = (
        SplitLogits(
            logits_of(
                packed[f"{name}/{split}/entropy"], packed[f"{name}/{split}/prediction"], classes
            ),
            packed[f"{split}/labels"],
            np.arange(len(packed[f"{split}/labels"])),
        )
        for split in ("val", "test")
    )
    return score_logits("entropy", ExitLogits(val, test, packed[f"{name}/macs"], "", name))


def logits_of(
    nats: NDArray[np.float32], prediction: NDArray[np.uint16], classes: int
) -> NDArray[np.float32]:
    """Logits ``(N, E, C)`` with these entropies and answers, all other classes being alike.

    Equal entropies stay equal, and a larger one larger.
    """
    lead = np.geomspace(1e-3, 60, 20_000)  # of the answer over the others; falls with the entropy
    alone = np.zeros((len(lead), classes))
    alone[:, 0] = lead
    found = np.interp(nats, entropy(alone)[::-1], lead[::-1])
    logits = np.zeros((*nats.shape, classes), np.float32)
    np.put_along_axis(logits, prediction[..., None].astype(np.int64), found[..., None], axis=2)
    return logits


def main(published: Path) -> None:
    """Both tables of every experiment whose answers are packed."""
    for experiment in SOURCES:
        recount(published, experiment)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
