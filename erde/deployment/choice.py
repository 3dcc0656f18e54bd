"""From what a user wants, a budget or a largest loss of accuracy, to the threshold that gives it.

The choice is made on the validation curve of the manifest; what it gives on other images differs
by sampling noise.
"""

from collections.abc import Mapping
from typing import Any

from erde_core.errors import ErdeError


def choose_threshold(
    manifest: Mapping[str, Any],
    theta: float | None = None,
    budget: str | None = None,
    max_drop: float | None = None,
) -> float:
    """The threshold, in the score's unit (nats, by entropy); without any option the certified one.

    Args:
        manifest: of a deployment.
        theta: taken as it is.
        budget: mean MACs per image allowed, like ``3e6``, or a share of the teacher's, like
            ``0.1x``: the most accurate point at or under it.
        max_drop: a fraction: the cheapest point whose accuracy is at most this much below that of
            the same network without early exits.

    Raises:
        ValueError: a value is outside its range, the budget is below the first exit, or nothing is
            given and nothing certified.
    """
    curve = manifest["curve"]
    if theta is not None:
        return _checked_theta(manifest, theta)
    if not curve and (budget is not None or max_drop is not None):
        raise ErdeError("--theta must be given: this model was never validated, it has no curve")
    if budget is not None:
        macs, first = _budget_macs(manifest, budget), manifest["macs"][0]
        if not macs >= first:
            raise ErdeError(
                f"budget must be at least {first} MACs, the cost of the first exit, "
                f"got {budget} = {macs:.0f} MACs"
            )
        return float(max((accuracy, -cost, t) for t, accuracy, cost in curve if cost <= macs)[2])
    if max_drop is not None:
        if not 0 <= max_drop <= 1:
            raise ErdeError(f"max-drop must be a fraction in 0 … 1, got {max_drop}")
        # The curve starts with the full network; a hair of slack for the subtraction's rounding.
        enough = curve[0][1] - max_drop - 1e-12
        kept = ((cost, -accuracy, t) for t, accuracy, cost in curve if accuracy >= enough)
        return float(min(kept)[2])
    if manifest["certified_theta"] is None:
        raise ErdeError(
            "one of --theta, --budget, --max-drop must be given: "
            "this model's validation images were too few to certify a threshold"
        )
    return float(manifest["certified_theta"])


def _checked_theta(manifest: Mapping[str, Any], theta: float) -> float:
    largest = manifest["largest_theta"]
    if not 0 <= theta <= largest:
        name = manifest["score"]["name"]
        words = "nats (2 log C)" if name == "entropy" else f"of the score {name}"
        raise ErdeError(f"theta must lie in 0 … {largest:.4f} {words}, got {theta}")
    return theta


def _budget_macs(manifest: Mapping[str, Any], budget: str) -> float:
    number, unit = budget, 1
    if budget.endswith("x"):
        number, unit = budget[:-1], manifest["teacher_macs"] or manifest["macs"][-1]
    try:
        return float(number) * unit
    except ValueError:
        raise ErdeError(f"budget must be MACs or a share like 0.1x, got {budget!r}") from None
