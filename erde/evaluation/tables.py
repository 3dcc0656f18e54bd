"""All tables of an experiment: each has a name, typed columns with units, and one reader."""

from erde.evaluation.columns import (
    ACCURACY,
    BUDGET,
    BUDGET_OF,
    DIFFERENCE,
    EXIT,
    IMAGES,
    PAIR,
    POINT,
    PRECISION,
    REFERENCE,
    SCORE,
    SEED,
    SHARE,
    SHARES,
    STATUS,
    THETA,
    VARIANT,
    WEIGHTS,
    harm,
    intervals,
)
from erde.evaluation.policies.tables import POLICIES, POLICIES_OVERALL
from erde_core.store.tables import Column, Table

PARETO = Table(
    "pareto",
    "a network at one share of the teacher's MACs: the best θ on validation",
    (
        *(VARIANT, SEED, SHARE, BUDGET_OF, BUDGET, STATUS, *POINT),
        Column("test_accuracy", float, "at θ, a fraction of the test images", empty=True),
        Column("test_mean_macs", float, "MACs per test image at θ", empty=True),
        SHARES,
    ),
)
CURVES = Table(
    "curves",
    "a network at one of 400 budgets: the best test point at or under it",
    (VARIANT, SEED, BUDGET, ACCURACY),
)
TEACHER_EXITS = Table(
    "teacher_exits",
    "an exit of the teacher",
    (
        EXIT,
        Column("macs", int, "MACs per image to the end of this exit", empty=True),
        *(Column("val_accuracy", float, "a fraction of the validation images"), ACCURACY),
    ),
)
OPERATING_POINTS = Table(
    "operating_points",
    "a way to choose θ for one network",
    (
        *(VARIANT, SEED, WEIGHTS, PRECISION),
        Column("goal", str, "`teacher_share`, `drop` or `certified`"),
        Column("value", str, "the share, the largest loss of accuracy, or ε"),
        BUDGET_OF,
        Column("delta", float, "what it was certified at", empty=True),
        *(STATUS, *POINT, harm("val")),
        Column("test_accuracy", float, "at θ, a fraction of the test images", empty=True),
        Column("test_mean_macs", float, "MACs per test image at θ", empty=True),
        *(harm("test"), SHARES),
    ),
)
PER_EXIT = Table(
    "per_exit",
    "a variant at one budget: one θ per exit against one θ for all, mean over the seeds",
    (
        *(VARIANT, SHARE, BUDGET_OF, BUDGET, STATUS),
        Column("one_accuracy", float, "on test with one θ for all", empty=True),
        Column("one_macs", float, "MACs per test image with one θ for all", empty=True),
        Column("each_accuracy", float, "on test with one θ per exit", empty=True),
        Column("each_macs", float, "MACs per test image with one θ per exit", empty=True),
        Column("difference", float, "gain in accuracy, a fraction", empty=True),
        *intervals(empty=True),
    ),
)
BANDS = Table(
    "bands",
    "a variant at one of 100 budgets",
    (
        *(VARIANT, BUDGET, Column("accuracy", float, "on test, a fraction, mean over the seeds")),
        *intervals(),
    ),
)
AREAS = Table(
    "areas",
    "a variant",
    (
        VARIANT,
        Column("area", float, "under its curve: mean accuracy over all budgets, a fraction"),
        *intervals(),
    ),
)
COMPARISON = Table(
    "comparison",
    "a pair of variants at one budget or one θ",
    (
        *(*PAIR, Column("at", float, "the budget in MACs, or θ"), SCORE),
        Column("variant_macs", float, "MACs per image of `variant` there"),
        Column("against_macs", float, "MACs per image of `against` there"),
        *(DIFFERENCE, *intervals()),
    ),
)
OVERALL = Table(
    "overall",
    "a pair of variants: the mean of its 20 differences",
    (*PAIR, DIFFERENCE, *intervals()),
)
AUDIT = Table(
    "audit",
    "an exit of a network, where the teacher's exit was right or where it was wrong",
    (
        *(VARIANT, SEED, EXIT, Column("teacher_right", bool, "1 where it was right")),
        *(*REFERENCE, IMAGES, Column("entropy_nats", float, "mean, nats", empty=True)),
        Column("share_below_threshold", float, "fraction surer than θ", empty=True),
        Column("accuracy", float, "of this exit, a fraction", empty=True),
    ),
)
CLASSES = Table(
    "classes",
    "a class for one network",
    (
        *(VARIANT, SEED, Column("class", int, "its number"), *REFERENCE, IMAGES),
        Column("accuracy", float, "at θ, a fraction", empty=True),
        Column("mean_macs", float, "MACs per image at θ", empty=True),
    ),
)
CONFUSION = Table(
    "confusion",
    "a class and an answer of one network that occurs",
    (
        *(VARIANT, SEED, Column("class", int, "the true class, its number")),
        *(Column("answer", int, "the class that the network answers at θ"), *REFERENCE, IMAGES),
    ),
)
EXITS = Table(
    "exits",
    "an exit of a network",
    (
        *(VARIANT, SEED, EXIT, Column("macs", int, "MACs per image to the end of this exit")),
        *(ACCURACY, Column("entropy_nats", float, "mean over the test images, nats")),
        Column("calibration_error", float, "expected, in 15 bins, a fraction"),
    ),
)
RELIABILITY = Table(
    "reliability",
    "a bin of confidence of one exit of a network; empty bins are left out",
    (
        *(VARIANT, SEED, EXIT, Column("bin", int, "0 … 14, of equal width"), IMAGES),
        Column("confidence", float, "mean, a fraction"),
        Column("accuracy", float, "a fraction"),
    ),
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
            STATUS,
        ),
        Column("seeds", int, "that reach the budget"),
        Column("val_accuracy", float, "mean, a fraction", empty=True),
        Column("val_deviation", float, "standard deviation (n - 1)", empty=True),
        Column("test_accuracy", float, "mean, a fraction", empty=True),
        Column("test_deviation", float, "standard deviation (n - 1)", empty=True),
        Column("chosen", bool, "1 for the best mean on validation"),
    ),
)
LATENCY = Table(
    "latency",
    "a network in one runtime at one batch size",
    (
        Column("batch", int, "images per call"),
        Column("runtime", str, "`eager`, `compiled`, `ONNX Runtime`, `ONNX Runtime int8`"),
        Column("network", str, "the teacher, the student without exits, or an operating point"),
        Column("threshold_nats", float, "θ of the operating point, nats", empty=True),
        *(SCORE, THETA),
        Column("macs", float, "MACs per image timed"),
        Column("calls", int, "that were timed"),
        *(Column(f"p{p}_ms", float, f"{p}th percentile, milliseconds") for p in (50, 95, 99)),
        Column(
            "speed_up",
            float,
            "over the teacher in the same runtime (of int8: in float32), median over the rounds",
        ),
        Column("speed_up_lowest", float, "in the slowest round"),
        Column("speed_up_highest", float, "in the fastest round"),
        Column("macs_ratio", float, "the speed-up that MACs alone promise"),
        Column("speed_up_per_macs_ratio", float, "how much of that promise is kept"),
        Column("speed_up_over_no_exits", float, "over the same student without exits"),
        Column("round_spread", float, "(slowest - fastest) / median of the rounds", absent=None),
        Column(
            "other_load",
            float,
            "cores that other processes kept busy meanwhile",
            empty=True,
            absent=None,
        ),
        Column("student", str, "variant and seed of the student"),
        Column("machine", str, "processor or GPU, threads, versions"),
    ),
)
HISTORY = Table(
    "history",
    "an epoch of a training",
    (
        *(Column("epoch", int, "1 is the first"), Column("learning_rate", float, "at its end")),
        Column("train_loss", float, "mean over the epoch"),
        Column("val_accuracy_exit{exit}", float, "of this exit, a fraction"),
        Column("seconds", float, "that it took"),
    ),
)

TABLES = {
    table.name: table
    for table in (
        *(PARETO, CURVES, TEACHER_EXITS, DECISION, OPERATING_POINTS, PER_EXIT, BANDS, AREAS),
        *(COMPARISON, OVERALL, AUDIT, CLASSES, CONFUSION, EXITS, RELIABILITY, RIVALS, LATENCY),
        *(INT8, ENVELOPE, VALUES, HISTORY, POLICIES, POLICIES_OVERALL),
    )
}
# What the rule statistics writes.
STATISTICS = (
    *(DECISION, OPERATING_POINTS, PER_EXIT, BANDS, AREAS, COMPARISON, OVERALL, AUDIT),
    *(CLASSES, CONFUSION, EXITS, RELIABILITY),
)
