"""The simpler ways to choose one threshold per exit, written plainly: what a search must not lose.

Each gives thresholds ``(E - 1,)``; accuracy and cost are then counted image by image.
"""

from pathlib import Path

import numpy as np

from erde_core import exit_indices
from tests.erde_core.test_certify import real_exits

DATA = Path(__file__).parents[2] / "data"


def networks():
    """Scores, right answers and MACs: one of 1,000 images, and the demonstration's nine of 400."""
    yield *real_exits(), np.array([3, 5, 7, 9])
    with np.load(DATA / "demo_exits.npz") as file:
        correct = np.unpackbits(file["correct"], axis=2)[:, :, :4].astype(bool)
        yield from zip(file["entropy"].astype(float), correct, file["macs"], strict=True)


def accuracy_and_cost(network, thresholds):
    score, correct, macs = network
    exits = exit_indices(score, thresholds)
    return correct[np.arange(len(exits)), exits].mean(), macs[exits].mean()


def geometric(network, q):
    """MSDNet's loop (``dynamic_eval_find_threshold``): surest first, a share of q^k per exit."""
    score, _, macs = network
    share = q ** np.arange(1, len(macs) + 1)
    gone, thresholds = set(), []
    for e, part in enumerate((share / share.sum())[:-1]):
        wanted, threshold = int(len(score) * part), 0.0
        for n in np.argsort(score[:, e], kind="stable"):
            if n in gone:
                continue
            if wanted == 0:
                break
            wanted -= 1
            threshold = np.nextafter(score[n, e], np.inf)  # MSDNet asks for >= of a confidence
        thresholds.append(threshold)
        gone |= set(np.flatnonzero(score[:, e] < threshold).tolist())
    return np.array(thresholds)


def greedy(network, budgets):
    """One image at a time, always the one that costs the fewest right answers per MAC saved.

    The path from the full network passes every budget; the best place within each, by accuracy.
    """
    score, correct, macs = network
    everyone = np.arange(len(score))
    thresholds = np.zeros(len(macs) - 1)
    exits = exit_indices(score, thresholds)
    best = {budget: -1.0 for budget in budgets}
    while True:
        right, cost = correct[everyone, exits].mean(), macs[exits].mean()
        for budget in budgets:
            if cost <= budget:
                best[budget] = max(best[budget], right)
        moves = []
        for e in range(len(macs) - 1):
            later = exits > e
            if not later.any():
                continue
            threshold = np.nextafter(score[later, e].min(), np.inf)
            moved = later & (score[:, e] < threshold)
            gain = correct[moved, e].sum() - correct[moved, exits[moved]].sum()
            saving = (macs[exits[moved]] - macs[e]).sum()
            moves.append((gain / saving, saving, -e, threshold))
        if not moves:
            return best
        _, _, e, threshold = max(moves)
        thresholds[-e] = threshold
        exits = exit_indices(score, thresholds)
