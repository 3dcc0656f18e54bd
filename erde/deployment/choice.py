"""From what a user wants, a budget or a largest loss of accuracy, to the threshold that gives it.

The choice is made on the validation curve of the manifest; what it gives on other images differs
by sampling noise.
"""

import math
from collections.abc import Mapping
from typing import Any

from erde_core.errors import ErdeError

Thresholds = float | list[float]  # one for all early exits, or one for each
_Point = tuple[Thresholds, float, float]  # with accuracy and mean MACs on validation


def choose_threshold(
    manifest: Mapping[str, Any],
    theta: float | str | None = None,
    budget: str | None = None,
    max_drop: float | None = None,
    per_exit: bool = False,
) -> Thresholds:
    """The threshold, in the score's unit (nats, by entropy); without any option the certified one.

    Args:
        manifest: of a deployment.
        theta: taken as it is; a text may hold one per early exit, with commas between them.
        budget: mean MACs per image allowed, like ``3e6``, or a share of the teacher's, like
            ``0.1x``: the most accurate point at or under it.
        max_drop: a fraction: the cheapest point whose accuracy is at most this much below that of
            the same network without early exits.
        per_exit: points with a threshold for each early exit count, too; of equal ones those with
            a single threshold.

    Raises:
        ValueError: a value is outside its range, there are too many or too few, the budget is below
            the first exit, nothing is given and nothing certified, or ``per_exit`` has no points.
    """
    if per_exit and budget is None and max_drop is None:
        raise ErdeError(
            "--per-exit must have --budget or --max-drop beside it: no θ per exit is certified, "
            "and --theta names one per exit itself, with commas"
        )
    if theta is not None:
        return _checked_theta(manifest, theta)
    if budget is not None:
        return _most_accurate(_points(manifest, per_exit), _budget_macs(manifest, budget))
    if max_drop is not None:
        if not 0 <= max_drop <= 1:
            raise ErdeError(f"max-drop must be a fraction in 0 … 1, got {max_drop}")
        return _cheapest(_points(manifest, per_exit), max_drop)
    if manifest["certified_theta"] is None:
        raise ErdeError(
            "one of --theta, --budget, --max-drop must be given: "
            "this model's validation images were too few to certify a threshold"
        )
    return float(manifest["certified_theta"])


def _points(manifest: Mapping[str, Any], per_exit: bool) -> list[_Point]:
    """The curve, which starts with the full network, and what has a threshold for each exit."""
    curve = manifest["curve"]
    if not curve:
        raise ErdeError("--theta must be given: this model was never validated, it has no curve")
    points: list[_Point] = [(float(theta), accuracy, cost) for theta, accuracy, cost in curve]
    if not per_exit or len(manifest["macs"]) <= 2:  # of one early exit the curve is all there is
        return points
    if not manifest["per_exit_curve"]:
        raise ErdeError(
            "--per-exit must find thresholds for each early exit in the manifest, got none: "
            "deploy the network anew"
        )
    return points + [(each, right, cost) for each, right, cost in manifest["per_exit_curve"]]


def _most_accurate(points: list[_Point], macs: float) -> Thresholds:
    """Of the points within so many MACs; of equal ones the cheapest, then the loosest."""
    within = [point for point in points if point[2] <= macs]

    def order(point: _Point) -> tuple[float, float, float]:
        theta, accuracy, cost = point
        return accuracy, -cost, -1 if isinstance(theta, list) else theta

    return max(within, key=order)[0]


def _cheapest(points: list[_Point], drop: float) -> Thresholds:
    """Of the points that lose at most so much; of equal ones the most accurate."""
    # The curve starts with the full network; a hair of slack for the subtraction's rounding.
    enough = points[0][1] - drop - 1e-12

    def order(point: _Point) -> tuple[float, float, float]:
        theta, accuracy, cost = point
        return cost, -accuracy, math.inf if isinstance(theta, list) else theta

    return min((point for point in points if point[1] >= enough), key=order)[0]


def _checked_theta(manifest: Mapping[str, Any], theta: float | str) -> Thresholds:
    try:
        limits = [float(number) for number in str(theta).split(",")]
    except ValueError:
        raise ErdeError(f"theta must be a number, or several with commas, got {theta!r}") from None
    largest, early = manifest["largest_theta"], len(manifest["macs"]) - 1
    if not all(0 <= limit <= largest for limit in limits):
        name = manifest["score"]["name"]
        words = "nats (2 log C)" if name == "entropy" else f"of the score {name}"
        raise ErdeError(f"theta must lie in 0 … {largest:.4f} {words}, got {theta}")
    if len(limits) not in (1, early):
        raise ErdeError(
            f"theta must be one number or {early}, one per early exit, got {len(limits)}"
        )
    return limits if len(limits) > 1 else limits[0]


def _budget_macs(manifest: Mapping[str, Any], budget: str) -> float:
    number, unit = budget, 1
    if budget.endswith("x"):
        number, unit = budget[:-1], manifest["teacher_macs"] or manifest["macs"][-1]
    try:
        macs = float(number) * unit
    except ValueError:
        raise ErdeError(f"budget must be MACs or a share like 0.1x, got {budget!r}") from None
    first = manifest["macs"][0]
    if not macs >= first:
        raise ErdeError(
            f"budget must be at least {first} MACs, the cost of the first exit, "
            f"got {budget} = {macs:.0f} MACs"
        )
    return macs
