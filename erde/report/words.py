"""How the report writes numbers, and what it concludes from an interval.

Two readers ask different things. Who ships these weights wants the interval of these very networks;
who trains again wants the interval of newly trained ones. Neither answer stands in for the other.
"""

from erde_core.store.tables import Row

SEEDS_THAT_TELL = 3  # with two, Student's t is 12.7, and the interval says nothing
_TO = "\N{NO-BREAK SPACE}…\N{NO-BREAK SPACE}"
_AND = "\N{NO-BREAK SPACE}and\N{NO-BREAK SPACE}"
TOO_FEW = "too few test images for an interval"


def percent(value: float | None) -> str | None:
    """A fraction as a percentage with two digits."""
    return None if value is None else f"{100 * value:.2f}\N{NO-BREAK SPACE}%"


def unit(label: str) -> str:
    """What stands behind a θ of the score: nats, or else the score's name."""
    return "nats" if label == "entropy" else f"of {label}"


def points(value: float) -> str:
    """A difference of fractions in points, signed."""
    return f"{100 * value:+.2f}".replace("-", "−")


def between(low: float | None, high: float | None) -> str | None:
    """The ends of an interval in points; None without one."""
    return None if low is None or high is None else f"{points(low)}{_TO}{points(high)}"


def megamacs(value: float | None) -> str | None:
    """MACs in millions with two digits."""
    return None if value is None else f"{value / 1e6:.2f}"


def for_these(low: float | None, high: float | None, above: str, below: str) -> str:
    """What an interval says of a difference: ``above``, ``below``, or neither."""
    if low is None or high is None:
        return TOO_FEW
    word = above if low > 0 else below if high < 0 else "not told apart"
    return f"{word} ({between(low, high)})"


def for_new(row: Row, above: str, below: str, prefix: str = "new_seeds") -> str:
    """The same for networks that are still to be trained; two seeds or one say nothing of them.

    Args:
        row: holds ``{prefix}_low``, ``{prefix}_high``, ``seeds``, ``seed_lowest`` and
            ``seed_highest``.
        above, below: words for a difference that is certain.
        prefix: of the interval's columns.
    """
    if row["seeds"] == 1:
        return "one seed says nothing of another"
    if row["seeds"] < SEEDS_THAT_TELL:
        return f"two seeds say nothing; {_seeds(row)}"
    return for_these(row[f"{prefix}_low"], row[f"{prefix}_high"], above, below)


def theta(threshold: float | None) -> str:
    """Four digits that count: of a network that is sure, most scores are far below 1e-4."""
    return "–" if threshold is None else f"{threshold:.4g}"


def new_interval(row: Row) -> str | None:
    """The interval for newly trained networks; of fewer than three seeds, their range."""
    if row["seeds"] >= SEEDS_THAT_TELL:
        return between(row["new_seeds_low"], row["new_seeds_high"])
    return None if row["seeds"] == 1 else between(row["seed_lowest"], row["seed_highest"])


def new_header(rows: list[Row]) -> str:
    """What :func:`new_interval` gives for these rows, as the heading of its column."""
    seeds = max((row["seeds"] for row in rows if row["seeds"]), default=SEEDS_THAT_TELL)
    if seeds == 1:
        return "new seeds"
    return "95 %, new seeds" if seeds >= SEEDS_THAT_TELL else "range of the two seeds"


def few_seeds(rows: list[Row]) -> str:
    """A sentence where the seeds are too few for the interval of new ones, else nothing."""
    seeds = max((row["seeds"] for row in rows if row["seeds"]), default=SEEDS_THAT_TELL)
    if seeds >= SEEDS_THAT_TELL:
        return ""
    number = "One seed says" if seeds == 1 else "Two seeds say"
    return f"{number} nothing of networks that are still to be trained: train three to five."


def _seeds(row: Row) -> str:
    low, high = row["seed_lowest"], row["seed_highest"]
    if low is None or high is None:  # a table from before there was this column
        return "train three to five"
    return f"theirs: {points(low)}{_AND}{points(high)}"
