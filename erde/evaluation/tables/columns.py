"""Columns that several tables have."""

from erde_core.store.tables import Column

VARIANT = Column(
    "variant", str, "the variant's name; of its networks in 8 bits with ` int8` behind it"
)
SEED = Column("seed", int, "of the training")
EXIT = Column("exit", int, "0 is the first")
IMAGES = Column("images", int, "test images in this row")
WEIGHTS = Column("weights_sha256", str, "of the network: a θ belongs to one network")
PRECISION = Column(
    "precision",
    str,
    "`float32` or `int8`; the column is absent unless `int8` is asked for",
    absent="float32",
)
SHARE = Column("teacher_share", str, "the budget as a share of `budget_of`'s MACs, as `1/5`")
BUDGET_OF = Column(
    "budget_of",
    str,
    "whose MACs: `teacher`, or `student` (its full cost) where the teacher's are not known",
    empty=True,
    absent="teacher",
)
BUDGET = Column("budget_macs", float, "MACs per image allowed on average")
SCORE = Column(
    "score", str, "by which images leave; the column is absent for `entropy`", absent="entropy"
)
THETA = Column(
    "threshold",
    float,
    "θ of another score, in its unit; the column is absent for `entropy`",
    empty=True,
    absent=None,
)
ACCURACY = Column("test_accuracy", float, "a fraction of the test images")
REFERENCE = (
    Column(
        "threshold_nats",
        float,
        "θ that loses at most one point of validation accuracy, nats",
        empty=True,
    ),
    SCORE,
    THETA,
)
_STATUS = (
    "`ok`; `saturated`: the budget exceeds the full student; `not reachable`: it is below the "
    "first exit"
)
STATUS = Column("status", str, f"{_STATUS}, and what depends on θ is empty")
STATUS_OF_SEEDS = Column("status", str, f"of the worst seed. {_STATUS}")
STATUS_OF_POINT = Column(
    "status",
    str,
    f"{_STATUS}; `needs n images`: validation is too small to certify. Without a θ, its cells are "
    "empty",
)
STATUS_OF_GAIN = Column(
    "status",
    str,
    f"{_STATUS}. What follows is empty unless it is `ok`: the two are compared where the budget "
    "is a limit",
)
POINT = (
    Column("threshold_nats", float, "θ, chosen on validation, nats", empty=True),
    SCORE,
    THETA,
    Column("val_accuracy", float, "at θ, a fraction of the validation images", empty=True),
    Column("val_mean_macs", float, "MACs per validation image at θ", empty=True),
)
SHARES = Column("test_share_exit{exit}", float, "fraction that leaves at this exit", empty=True)


def harm(split: str) -> Column:
    """Of one split, ``val`` or ``test``."""
    words = "fraction of harmed answers: wrong at the exit taken, right at the last"
    return Column(f"{split}_harm", float, words, empty=True)


def intervals(empty: bool = False) -> tuple[Column, ...]:
    """What stands beside a mean over the seeds; all cells may be ``empty``, or only the ends."""
    these, new = "these networks on all images", "newly trained networks too"
    return (
        Column("these_seeds_low", float, f"lower end of the 95 % interval for {these}", empty=True),
        Column("these_seeds_high", float, "its upper end", empty=True),
        Column("new_seeds_low", float, f"the same for {new}; empty with one seed", empty=True),
        Column("new_seeds_high", float, "its upper end", empty=True),
        Column("seeds", int, "how many the mean is over", empty=empty),
        Column(
            "intervals", str, "`ok`, or how many groups of images are needed", empty, absent="ok"
        ),
        Column("seed_lowest", float, "the seed with the lowest value", empty=True, absent=None),
        Column("seed_highest", float, "the seed with the highest value", empty=True, absent=None),
    )


DIFFERENCE = Column("difference", float, "in accuracy, a fraction: `variant` minus `against`")
PAIR = (
    VARIANT,
    Column("against", str, "name of the variant that it is held against"),
    Column("equal", str, "what is held equal: `macs` or `theta`"),
)
