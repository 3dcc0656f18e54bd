"""How often is a kept promise called surprising, and how far off is it? By simulation.

Validation and new images come from the same source, so every surprise is one by chance. A θ is
given beforehand, certified, or chosen on the validation curve, which is then its promise, too. All
ways see the same images.

The full campaign: ``python -m tests.erde.deployment.promises``, half an hour or more.
"""

import argparse
import sys

import numpy as np

from erde.deployment.choice import choose_threshold
from erde.deployment.promise import compare_accuracy, compare_cost, promised
from erde_core.certify import certified_threshold
from erde_core.outcomes import outcomes, right_answers, split_sweep
from erde_core.scores.fitted import FittedScore
from erde_core.scores.scored_logits import ScoredLogits
from erde_core.store.exit_logits import SplitLogits
from erde_torch.export.curves import pareto_curve, per_exit_curve, point_rows

MACS, CLASSES, VALIDATION, NEW = np.array([100, 200, 400, 800]), 10, 400, 5000
SCORE = FittedScore("entropy", CLASSES)
WAYS = {
    "θ given": {"theta": 0.2},
    "θ certified": {},
    "--max-drop 0.01": {"max_drop": 0.01},
    "--budget 300": {"budget": "300"},
    "--budget 800": {"budget": "800"},
    "--budget 300 --per-exit": {"budget": "300", "per_exit": True},
}


def drawn(rng, images):
    """Logits of ``images`` of very different difficulty; each exit sees more than the one before.

    The exits are right in 67, 76, 82 and 86 %.
    """
    labels = rng.integers(0, CLASSES, images)
    easy = rng.gamma(2.0, 2.0, (images, 1))
    logits = rng.normal(size=(images, 1, CLASSES)) + rng.normal(size=(images, len(MACS), CLASSES))
    logits[np.arange(images), :, labels] += easy * (0.9 + 0.3 * np.arange(len(MACS)))
    return SplitLogits(2 * logits.astype(np.float32), labels, np.arange(images))


def manifest_of(val, per_exit=False):
    """What the manifest of a network that answered ``val`` says of choices and promises."""
    exits = ScoredLogits(val, val, MACS, "", "", SCORE)
    points, score = split_sweep(val, MACS, SCORE), SCORE.values(val.logits)
    certified = certified_threshold(score, right_answers(val), CLASSES, epsilon=0.01, delta=0.05)
    curve = pareto_curve(points)
    return {
        "macs": MACS.tolist(),
        "teacher_macs": None,
        "score": SCORE.fields(),
        "largest_theta": SCORE.largest,
        "curve": curve,
        "operating_points": point_rows(points, [*(r[0] for r in curve), certified.threshold]),
        "per_exit_curve": per_exit_curve(exits) if per_exit else [],
        "certified_theta": certified.threshold,
    }


def promises(ways, draws, seed=0):
    """Of each way: the difference of accuracy and of MACs, and whether each surprises, (D, 4)."""
    rng, rows = np.random.default_rng(seed), {way: [] for way in ways}
    for _ in range(draws):
        val, new = drawn(rng, VALIDATION), drawn(rng, NEW)
        manifest = manifest_of(val, any("per_exit" in WAYS[way] for way in ways))
        for way in ways:
            theta = choose_threshold(manifest, **WAYS[way])
            accuracy, macs = promised(manifest, theta)
            right, _, exits = outcomes(new, np.asarray(theta), SCORE)
            found = (
                compare_accuracy(right, accuracy, VALIDATION),
                compare_cost(MACS[exits], (100, 800), macs, VALIDATION),
            )
            surprises = [one.verdict.startswith("surprising") for one in found]
            rows[way].append([*(one.difference for one in found), *surprises])
    return {way: np.array(found, float) for way, found in rows.items()}


def main(draws):
    """Print per way how often it surprises, and the mean difference with its standard error."""
    for way in WAYS:
        found = promises([way], draws)[way]
        mean, error = found.mean(0), found.std(0) / draws**0.5
        print(
            f"{way}: accuracy {100 * mean[0]:+.2f} ± {100 * error[0]:.2f} points, surprising in "
            f"{mean[2]:.1%}; cost {mean[1] / MACS[-1]:+.2%} of the full network, {mean[3]:.1%}",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    sys.exit(main(parser.parse_args().draws))
