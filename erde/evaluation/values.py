"""Which of the listed values to take: what each gives at each share of the teacher's cost.

Thresholds and values are chosen on validation; the test column says what the choice then gives.
"""

from collections.abc import Iterable
from statistics import fmean, stdev

from erde.evaluation.tables.rows import Rows, distinct, where
from erde.experiment.names import family_of, split_name
from erde_core.store.tables import Row


def listed_families(variants: Iterable[str]) -> dict[str, list[str]]:
    """The variants of each list of values, by family, numbers in ascending order."""
    families: dict[str, list[str]] = {}
    for variant in dict.fromkeys(variants):
        if split_name(variant)[1]:
            families.setdefault(family_of(variant), []).append(variant)
    return {family: _ascending(members) for family, members in families.items()}


def value_rows(pareto: Rows) -> list[Row]:
    """One row per share of the teacher's cost and listed variant, in the order to draw them.

    Args:
        pareto: rows of ``pareto.csv``; variants that come from no list are left out.

    Returns:
        rows with ``seeds`` (how many reach the budget), mean and standard deviation (n - 1) over
        them of validation and test accuracy, ``status`` as in ``pareto.csv`` (of the worst seed),
        and ``chosen``: true for the family's best mean on validation, the first of equals, never
        for a value that some seed cannot reach the budget with.
    """
    rows: list[Row] = []
    for family, variants in listed_families(distinct(pareto, "variant")).items():
        for share in distinct(pareto, "teacher_share"):
            group = [_row(family, variant, share, pareto) for variant in variants]
            whole = [row for row in group if row["status"] != "not reachable"]
            best = max(whole, key=lambda row: row["val_accuracy"], default=None)
            rows += [row | {"chosen": row is best} for row in group]
    return rows


def _row(family: str, variant: str, share: str, pareto: Rows) -> Row:
    mine = where(pareto, variant=variant, teacher_share=share)
    states = [row["status"] for row in mine]
    worst = "not reachable" if "not reachable" in states else states[0]
    reached = [row for row in mine if row["status"] != "not reachable"]
    row: Row = {"family": family, "variant": variant, "teacher_share": share}
    row |= {"budget_of": mine[0]["budget_of"], "status": worst}
    row["seeds"] = len(reached)
    for split in ("val", "test"):
        values = [one[f"{split}_accuracy"] for one in reached]
        row[f"{split}_accuracy"] = fmean(values) if values else None
        row[f"{split}_deviation"] = stdev(values) if len(values) > 1 else None
    return row


def _ascending(variants: list[str]) -> list[str]:
    """By value where one key lists numbers; else as the file has them."""
    texts = [list(split_name(variant)[1].values()) for variant in variants]
    try:
        numbers = [float(text) for (text,) in texts]
    except ValueError:  # words, weights of exits, or several keys
        return variants
    return [variant for _, variant in sorted(zip(numbers, variants, strict=True))]
