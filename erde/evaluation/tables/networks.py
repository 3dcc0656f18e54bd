"""Tables of single networks: their exits, curves, thresholds, classes, times and trainings."""

from erde.evaluation.tables.columns import (
    ACCURACY,
    BUDGET,
    BUDGET_OF,
    EXIT,
    IMAGES,
    POINT,
    PRECISION,
    REFERENCE,
    SCORE,
    SEED,
    SHARE,
    SHARES,
    STATUS,
    STATUS_OF_POINT,
    THETA,
    VARIANT,
    WEIGHTS,
    harm,
)
from erde_core.store.tables import Column, Table

_TAUGHT = (
    "1 where the teacher's exit was right that this exit was trained with: that of its own number, "
    "or the last (where the numbers of exits differ, or `right_from` says so)"
)
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
        *(STATUS_OF_POINT, *POINT, harm("val")),
        Column("test_accuracy", float, "at θ, a fraction of the test images", empty=True),
        Column("test_mean_macs", float, "MACs per test image at θ", empty=True),
        *(harm("test"), SHARES),
    ),
)
AUDIT = Table(
    "audit",
    "an exit of a network, where the teacher's exit was right or where it was wrong",
    (
        *(VARIANT, SEED, EXIT, Column("teacher_right", bool, _TAUGHT)),
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
LATENCY = Table(
    "latency",
    "a network in one runtime at one batch size",
    (
        Column("batch", int, "images per call"),
        Column(
            "runtime",
            str,
            "`eager`, `compiled`, `ONNX Runtime`, `ONNX Runtime int8`; on a GPU also in `bf16`",
        ),
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
