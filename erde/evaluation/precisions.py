"""Whether networks that are compared were trained in one precision.

``auto`` is bf16 where a device multiplies it natively: of seeds that were trained on several
machines some may be in bf16, others in float32.
"""

from collections.abc import Iterable, Mapping

from erde_core.scores.scored_logits import ScoredLogits
from erde_core.store.exit_logits import FLOAT32, MIXED, ExitLogits


def mixed_training(networks: Iterable[tuple[str, str]]) -> str:
    """A sentence that says which were trained in which precision; empty where all are alike.

    Args:
        networks: (name, precision of its training); what is not known (an empty precision) tells
            nothing.
    """
    names: dict[str, list[str]] = {}
    for name, precision in networks:
        if precision:
            names.setdefault(precision, []).append(name)
    if len(names) < 2:
        return ""
    told = {MIXED: "both"}
    parts = (f"{told.get(p, p)} ({', '.join(found)})" for p, found in sorted(names.items()))
    return (
        f"networks were trained in {' and in '.join(parts)}: a difference between them may come "
        f"from that; precision: {FLOAT32} under train gives all of them the same"
    )


def trained_in(
    networks: Mapping[tuple[str, int], ExitLogits | ScoredLogits],
) -> list[tuple[str, str]]:
    """(name, precision of its training) of networks called (variant, seed)."""
    return [(f"{name}/seed{seed}", exits.trained) for (name, seed), exits in networks.items()]
