"""The report's verdicts, a sentence each: better, worse, or not told apart.

The widest interval decides: that for newly trained networks, where there are several seeds.
"""

from erde.experiment.names import name_of
from erde.report.charts import Table


def rival_verdicts(rivals: Table, variant: str) -> list[str]:
    """One sentence per budget: ``variant`` against the plain network that is best on validation."""
    sentences = []
    for e in dict.fromkeys(row["exit"] for row in rivals):
        rows = [row for row in rivals if (row["exit"], row["variant"]) == (e, variant)]
        row = max(rows, key=lambda r: float(r["rival_val_accuracy"]))
        sentences.append(
            f"At {float(row['budget_macs']) / 1e6:.2f} M MACs early exit ({name_of(variant)}) is "
            f"{_verdict(row, 'worth it', 'not worth it')} against the plain network that is "
            f"best on validation ({row['kind']}): {_figures(row)}."
        )
    return sentences


def pair_verdicts(overall: Table, comparison: Table) -> list[str]:
    """One sentence per pair at equal MACs: over all budgets, and at how many it is certain."""
    sentences = []
    for row in (row for row in overall if row["equal"] == "macs"):
        pair = (row["variant"], row["against"], "macs")
        rows = [r for r in comparison if (r["variant"], r["against"], r["equal"]) == pair]
        counts = "; ".join(_count(rows, kind) for kind in _kinds(row)) or "none has an interval"
        sentences.append(
            f"{name_of(pair[0])} against {name_of(pair[1])}: {_verdict(row, 'better', 'worse')} "
            f"over {len(rows)} equal budgets together, {_figures(row)}. One by one, {counts}."
        )
    return sentences


def _kinds(row: dict[str, str]) -> tuple[str, ...]:
    """The intervals that a row has; none where there are too few test images for any."""
    return tuple(kind for kind in ("these", "new") if row[f"{kind}_seeds_low"])


def _verdict(row: dict[str, str], above: str, below: str) -> str:
    """What the widest interval there is allows to say."""
    if not _kinds(row):
        return "undecided"
    low, high = _widest(row)
    return "undecided" if low <= 0 <= high else above if low > 0 else below


def _figures(row: dict[str, str]) -> str:
    if not _kinds(row):
        return f"{100 * float(row['difference']):+.2f} points, no interval ({row['intervals']})"
    low, high = _widest(row)
    return (
        f"{100 * float(row['difference']):+.2f} points, 95 % interval for {_kinds(row)[-1]} seeds "
        f"{100 * low:+.2f} … {100 * high:+.2f}"
    )


def _widest(row: dict[str, str]) -> list[float]:
    return [float(row[f"{_kinds(row)[-1]}_seeds_{side}"]) for side in ("low", "high")]


def _count(rows: Table, kind: str) -> str:
    above = sum(float(row[f"{kind}_seeds_low"]) > 0 for row in rows)
    below = sum(float(row[f"{kind}_seeds_high"]) < 0 for row in rows)
    networks = "these networks" if kind == "these" else "newly trained ones"
    return f"for {networks} above at {above}, below at {below}, open at {len(rows) - above - below}"
