"""All scores by name. An entry is facts; its module is imported only when it is used.

To add a score: write its file, with ``largest(classes)`` and either ``values(logits)`` or
``fit(logits, correct)``, and give it an entry here.
"""

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType


@dataclass(frozen=True)
class Score:
    """One entry.

    Attributes:
        module: where the score is computed.
        unit: of its values and thresholds; empty for a number without one.
        tempered: whether it may be computed of logits divided by a fitted temperature per exit.
        fitted: whether it has parameters of its own that validation images must give.
    """

    module: str
    unit: str = ""
    tempered: bool = True
    fitted: bool = False

    def load(self) -> ModuleType:
        """The score's module."""
        return import_module(self.module)

    def largest(self, classes: int) -> float:
        """Above every value of the score for C classes, and the loosest valid threshold."""
        return float(self.load().largest(classes))


SCORES = {
    "entropy": Score("erde_core.scores.entropy", unit="nats"),
    "max_prob": Score("erde_core.scores.max_prob"),
    "margin": Score("erde_core.scores.margin"),
    "gate": Score("erde_core.scores.gate", tempered=False, fitted=True),
}
