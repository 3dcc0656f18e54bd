"""Tables that hold networks, variants or ways to be cheap against each other."""

from erde.evaluation.tables.columns import (
    BUDGET,
    BUDGET_OF,
    DIFFERENCE,
    EXIT,
    PAIR,
    POINT,
    SCORE,
    SHARE,
    STATUS,
    STATUS_OF_GAIN,
    STATUS_OF_SEEDS,
    VARIANT,
    intervals,
)
from erde_core.store.tables import Column, Table

PER_EXIT = Table(
    "per_exit",
    "a variant at one budget: one θ per exit against one θ for all, mean over the seeds",
    (
        *(VARIANT, SHARE, BUDGET_OF, BUDGET, STATUS_OF_GAIN),
        Column("one_accuracy", float, "on test with one θ for all", empty=True),
        Column("one_macs", float, "MACs per test image with one θ for all", empty=True),
        Column("each_accuracy", float, "on test with one θ per exit", empty=True),
        Column("each_macs", float, "MACs per test image with one θ per exit", empty=True),
        Column("difference", float, "gain in accuracy, a fraction", empty=True),
        *intervals(empty=True),
    ),
)
_THETA_FROM = Column(
    "theta_from",
    str,
    "`validation` chose θ of each network for the budget, or θ is `given`; in a file without the "
    "column a budget's θ was the best on the test images",
    absent=None,
)
BANDS = Table(
    "bands",
    "a variant at one of 100 budgets",
    (
        *(VARIANT, BUDGET),
        Column("accuracy", float, "on test of the best θ there, a fraction, mean over the seeds"),
        *intervals(),
    ),
)
AREAS = Table(
    "areas",
    "a variant",
    (
        VARIANT,
        Column(
            "area", float, "under its curve on test: mean accuracy over all budgets, a fraction"
        ),
        *intervals(),
    ),
)
COMPARISON = Table(
    "comparison",
    "a pair of variants at one budget or one θ",
    (
        *(*PAIR, Column("at", float, "the budget in MACs, or θ"), SCORE, _THETA_FROM),
        Column("variant_macs", float, "MACs per test image of `variant` there"),
        Column("against_macs", float, "MACs per test image of `against` there"),
        *(DIFFERENCE, *intervals()),
    ),
)
OVERALL = Table(
    "overall",
    "a pair of variants: the mean of its 20 differences",
    (*PAIR, _THETA_FROM, DIFFERENCE, *intervals()),
)
DECISION = Table(
    "decision",
    "a share of the teacher's MACs: what to ship there, against the teacher",
    (
        *(SHARE, BUDGET_OF, BUDGET, STATUS),
        Column("variant", str, "with the best mean on validation", empty=True),
        Column("seed", int, "its best network on validation", empty=True),
        Column("weights_sha256", str, "of that network", empty=True),
        *POINT,
        Column(
            "val_difference_high",
            float,
            "upper end of the 95 % interval of its difference from the teacher on validation",
            empty=True,
            absent=None,
        ),
        Column("test_accuracy", float, "of that network at θ, a fraction", empty=True),
        Column("test_mean_macs", float, "MACs per test image of that network at θ", empty=True),
        Column("teacher_accuracy", float, "of the teacher's last exit on test, a fraction"),
        Column("teacher_macs", int, "MACs per image of the whole teacher", empty=True),
        Column("difference", float, "in test accuracy: network minus teacher", empty=True),
        Column("difference_low", float, "lower end of its 95 % interval", empty=True),
        Column("difference_high", float, "upper end", empty=True),
        Column(
            "again_difference", float, "mean over the variant's seeds, minus teacher", empty=True
        ),
        Column("again_low", float, "lower end of the 95 % interval for new seeds", empty=True),
        Column("again_high", float, "upper end", empty=True),
        Column("seeds", int, "that the mean is over", empty=True),
        Column("seed_lowest", float, "difference of the worst seed", empty=True),
        Column("seed_highest", float, "difference of the best seed", empty=True),
    ),
)
RIVALS = Table(
    "rivals",
    "a variant against a plain network at the cost of one exit",
    (
        Column("rival", str, "name of the plain network"),
        Column("kind", str, "`truncated` or `narrow`"),
        *(EXIT, VARIANT, Column("budget_macs", int, "MACs of the student's exit")),
        Column("rival_macs", int, "MACs per image of the plain network"),
        Column("variant_macs", float, "MACs per test image of `variant`"),
        Column("rival_val_accuracy", float, "mean over the seeds, on validation", absent=None),
        Column("rival_accuracy", float, "mean over the seeds, on test"),
        Column("variant_accuracy", float, "mean over the seeds, on test"),
        Column("difference", float, "in accuracy: `variant` minus plain network"),
        *intervals(),
    ),
)
INT8 = Table(
    "int8",
    "a variant at one share of the teacher's MACs, in 8 bits and in float32, mean over the seeds",
    (
        *(VARIANT, SHARE, BUDGET_OF, BUDGET, STATUS),
        Column("float32_accuracy", float, "on test, a fraction", empty=True),
        Column("float32_macs", float, "MACs per test image", empty=True),
        Column("int8_accuracy", float, "on test with a θ of its own, a fraction", empty=True),
        Column("int8_macs", float, "MACs per test image, each of 8 bits", empty=True),
        Column("same_answers", float, "fraction of test images with the same class", empty=True),
        Column("difference", float, "in accuracy, a fraction: int8 minus float32", empty=True),
        *intervals(empty=True),
        Column("float32_bytes", int, "of the stages' files in float32"),
        Column("int8_bytes", int, "of the stages' files in 8 bits"),
    ),
)
ENVELOPE = Table(
    "envelope",
    "a way to be cheap at one share of the teacher's MACs: its best network on validation",
    (
        *(
            SHARE,
            BUDGET_OF,
            BUDGET,
            Column("way", str, "`plain`, `early exit`, `cascade` or `mixture`"),
        ),
        Column("trials", int, "networks of that way that can pay, trained or put together"),
        Column("network", str, "with the best mean on validation; an arrow joins two", empty=True),
        Column("chosen", bool, "1 for the best mean on validation of all ways"),
        Column("val_accuracy", float, "mean over the seeds, θ chosen on validation", empty=True),
        Column("test_accuracy", float, "mean over the seeds at that θ", empty=True),
        Column("test_mean_macs", float, "MACs per test image, mean over the seeds", empty=True),
        Column("behind_best", float, "test accuracy less that of the best way here", empty=True),
        Column("seeds", int, "how many the means are over", empty=True),
        Column("seed_lowest", float, "test accuracy of the worst seed", empty=True),
        Column("seed_highest", float, "test accuracy of the best seed", empty=True),
    ),
)
VALUES = Table(
    "values",
    "a listed value of a setting at one share of the teacher's MACs, over the seeds",
    (
        *(
            Column("family", str, "name of the variant that lists"),
            VARIANT,
            SHARE,
            BUDGET_OF,
            STATUS_OF_SEEDS,
        ),
        Column("seeds", int, "that reach the budget"),
        Column("val_accuracy", float, "mean, a fraction", empty=True),
        Column("val_deviation", float, "standard deviation (n - 1)", empty=True),
        Column("test_accuracy", float, "mean, a fraction", empty=True),
        Column("test_deviation", float, "standard deviation (n - 1)", empty=True),
        Column("chosen", bool, "1 for the best mean on validation"),
    ),
)
