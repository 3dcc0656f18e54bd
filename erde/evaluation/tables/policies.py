"""The two tables of exit policies."""

from erde.evaluation.tables.columns import (
    BUDGET,
    BUDGET_OF,
    SEED,
    SHARE,
    STATUS,
    VARIANT,
    WEIGHTS,
    intervals,
)
from erde_core.store.tables import Column, Table

POLICY_SCORE = Column("score", str, "by which images leave")
POLICY_THRESHOLDS = Column("thresholds", str, "`one` θ for all early exits, or one for `each`")
POLICIES = Table(
    "policies",
    "a network that leaves by one policy, at one budget",
    (
        *(VARIANT, SEED, WEIGHTS, BUDGET_OF, POLICY_SCORE, POLICY_THRESHOLDS),
        *(SHARE, BUDGET, STATUS),
        Column("theta_exit{exit}", float, "θ of this exit, in the score's unit", empty=True),
        Column("val_accuracy", float, "a fraction of the images that chose θ", empty=True),
        Column("val_mean_macs", float, "MACs per image of these", empty=True),
        Column("test_accuracy", float, "a fraction of the test images", empty=True),
        Column("test_mean_macs", float, "MACs per test image", empty=True),
        Column("difference", float, "in test accuracy, to entropy with one θ", empty=True),
    ),
)
POLICIES_OVERALL = Table(
    "policies_overall",
    "a variant that leaves by one policy, over all budgets that it can pay",
    (
        *(VARIANT, POLICY_SCORE, POLICY_THRESHOLDS),
        Column("chosen", bool, "1 for the policy to ship, by the fit half of validation"),
        Column(
            "val_difference",
            float,
            "what chose it: accuracy gained there, at equal cost; empty without halves",
            empty=True,
        ),
        Column("macs_ratio", float, "MACs per test image, of those of entropy with one θ"),
        Column("difference", float, "in test accuracy, to entropy with one θ, mean over all"),
        *intervals(),
    ),
)
