"""By which score to leave, and with how many thresholds: gains over entropy with one θ."""

from erde.evaluation.tables.rows import Rows, distinct, where
from erde.experiment.names import name_of, shown_variant
from erde.report import words
from erde.report.html import Cell, render, table
from erde.report.section import Section
from erde.report.source import Source
from erde_core.statistics.halves import LEAST_GROUPS
from erde_core.store.tables import Row

_BODY = """
<p class="lead">{{ lead }}</p>
{{ table }}
<p class="quiet">Points of test accuracy more than entropy with one θ, mean over the seeds and all
shares of the teacher's cost, and how many times the MACs of that policy they cost; in brackets
the 95 % interval for these networks. ✓: chosen on validation. {{ halves }} There is no
certificate for one θ per exit. <code>policies.csv</code> has every threshold.</p>
"""
_HALVES = """Temperatures and gates were fitted on one half of the validation images, thresholds
chosen on the other; the policy is chosen on the first half alone, by cross-fitting, and is entropy
with one θ unless another is better by more than one standard error."""
_FIXED = "\N{NO-BREAK SPACE}"
_NAMES = {
    "max_prob": "largest probability",
    "margin": "margin",
    "gate": "gate",
    "entropy": "entropy",
}


def policies_section(source: Source) -> Section:
    """The section; its rows are those of ``policies_overall.csv``."""
    rows = source.rows["policies_overall"]
    name = shown_variant(source.methods)
    shown = where(rows, variant=name)
    halves = any(row["chosen"] for row in rows)
    few = f"Fewer than {LEAST_GROUPS} independent validation images make no halves: only scores "
    few += "without a fit are held against each other, and none is chosen."
    body = render(
        _BODY,
        lead=_lead(shown) if shown else _without(source, name),
        table=_table(rows),
        halves=_HALVES if halves else few if rows else "",
    )
    return Section("By which score to leave", body)


def policy_name(row: Row) -> str:
    """``margin, tempered, one θ per exit``."""
    bare = row["score"].removesuffix("_tempered")
    tempered = ", tempered" if bare != row["score"] else ""
    thresholds = "one θ" if row["thresholds"] == "one" else "one θ per exit"
    return f"{_NAMES.get(bare, bare)}{tempered}, {thresholds}"


def _without(source: Source, variant: str) -> str:
    """Why nothing is said of the variant."""
    shown = (network for (name, _), network in source.networks.items() if name == variant)
    if all(len(network.macs) == 1 for network in shown):
        return f"{name_of(variant)} never leaves early: there is nothing to decide."
    return f"No share of the cost that was asked for reaches the first exit of {name_of(variant)}."


def _lead(rows: Rows) -> str:
    """Which policy a user should ship, in one sentence."""
    network = name_of(rows[0]["variant"])
    chosen = where(rows, chosen=True)
    if not chosen:
        return f"For {network}, stay with entropy and one θ: validation is too small to choose."
    (row,) = chosen
    if (row["score"], row["thresholds"]) == ("entropy", "one"):
        return (
            f"For {network}, ship entropy with one θ: on validation no other policy is better by "
            "more than one standard error."
        )
    found = words.for_these(row["these_seeds_low"], row["these_seeds_high"], "above", "below")
    return (
        f"For {network}, ship the policy {policy_name(row)}: validation chose it, and on test it "
        f"is {words.points(row['difference'])} points from entropy with one θ, {found}."
    )


def _table(rows: Rows) -> object:
    variants = distinct(rows, "variant")
    cells: list[list[Cell]] = []
    for score, thresholds in distinct(rows, "score", "thresholds"):
        found = where(rows, score=score, thresholds=thresholds)
        by_variant = {row["variant"]: _gain(row) for row in found}
        cells.append([policy_name(found[0]), *(by_variant.get(v) for v in variants)])
    return table(["policy", *map(name_of, variants)], cells)


def _gain(row: Row) -> str:
    """Gain and cost stay on one line of the cell, and the interval on the next."""
    mark = f"✓{_FIXED}" if row["chosen"] else ""
    if (row["score"], row["thresholds"]) == ("entropy", "one"):
        return f"{mark}0"  # all others are held against it
    interval = words.between(row["these_seeds_low"], row["these_seeds_high"])
    ends = f" ({interval})" if interval else ""
    gain, ratio = words.points(row["difference"]), f"{row['macs_ratio']:.2f}"
    return f"{mark}{gain} at {ratio} ×".replace(" ", _FIXED) + ends
