"""How unsure an exit is: scores that an exit policy can compare with a threshold, small is sure.

``SCORES`` is the table of all; one score is one file. :mod:`erde_core.scores.fitted` computes a
score of a network's logits and fits what has to be fitted.
"""

from erde_core.scores.table import SCORES, Score

__all__ = ["SCORES", "Score"]
