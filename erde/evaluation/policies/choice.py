"""Which policy to ship, chosen on the fit half of validation alone.

Half of the fit half fits and chooses thresholds, the other half tries them, and the reverse. An
image that is right counts 1; what it costs beyond the default is charged at the price that accuracy
has between the first and the last exit. The default stays unless another policy is better by more
than one standard error.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.policies.policy import (
    DEFAULT,
    Float64,
    Policy,
    chosen_thresholds,
    judged,
    tried,
)
from erde_core.outcomes import right_answers
from erde_core.scores.fitted import fit_scores
from erde_core.scores.split import part
from erde_core.statistics.halves import dealt_halves
from erde_core.store.exit_logits import SplitLogits


def gains_on_validation(
    policies: Sequence[Policy],
    fit: SplitLogits,
    macs: NDArray[np.int64],
    budgets: Sequence[float],
) -> Mapping[Policy, Float64]:
    """What each policy is worth more than the default, per image of the fit half, ``(N,)``.

    Args:
        policies: the default among them.
        fit: the fit half of validation, of one network.
        macs: of its exits.
        budgets: within its exits; the worth is the mean over them.
    """
    first = dealt_halves(fit.labels, fit.group).fit
    accuracy = right_answers(fit).mean(axis=0)
    price = max(accuracy[-1] - accuracy[0], 0.0) / max(float(macs[-1] - macs[0]), 1.0)
    worth = {policy: np.zeros(len(fit.labels)) for policy in policies}
    for held in (first, ~first):
        learnt, tests = part(fit, ~held), part(fit, held)
        labels = dict.fromkeys(policy.label for policy in policies)
        scores = fit_scores(labels, learnt.logits, learnt.labels)
        seen = {
            label: (judged(score, learnt), judged(score, tests)) for label, score in scores.items()
        }
        for policy in policies:
            there, here = seen[policy.label]
            thresholds = chosen_thresholds(policy.thresholds, there, macs, budgets)
            right, cost = tried(here, macs, thresholds)
            worth[policy][held] = (right - price * cost).mean(axis=0)
    return {policy: values - worth[DEFAULT] for policy, values in worth.items()}


def policy_to_ship(gains: Mapping[Policy, Float64], group: NDArray[np.int64]) -> Policy:
    """The best mean gain, if it is above one standard error of it; else the default.

    One standard error is a bar, not a test: of many policies that gain nothing the best often
    passes it.

    Args:
        gains: per image, ``(N,)``: the mean over the networks of a variant.
        group: of each image, ``(N,)``: images of one group are no independent ones.
    """
    best = max(gains, key=lambda policy: float(gains[policy].mean()))
    gain = gains[best]
    return best if gain.mean() > _standard_error(gain, group) else DEFAULT


def _standard_error(values: Float64, group: NDArray[np.int64]) -> float:
    """Of the mean of values ``(N,)`` in independent groups; of groups of one std / √N."""
    _, member = np.unique(group, return_inverse=True)
    residuals = np.bincount(member, values - values.mean())
    groups = len(residuals)
    return float(np.sqrt((residuals**2).sum() * groups / (groups - 1))) / len(values)
