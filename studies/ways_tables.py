"""The tables of docs/results/{ways,policies}.md: the four ways to be cheap, and exit policies."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import mean

from erde.evaluation.envelope import WAYS
from erde.experiment.trainings import CASCADE, EARLY_EXIT, PLAIN
from studies.contest import LEAVING
from studies.tables import Rows, markdown, numbers, percent, rows_of, unique

_LEAST_GAP = 0.01  # below a point between plain and early exit a share of it says nothing


def ways_table(folder: Path, experiments: Sequence[str]) -> str:
    """Each way's network that validation chose, the one shipped in bold, and the best of all."""
    lines = []
    for name in experiments:
        for shipped in rows_of(folder, name, "shipped"):
            share = shipped["teacher_share"]
            ways = [r for r in rows_of(folder, name, "ways") if r["teacher_share"] == share]
            cells = [_way(next(r for r in ways if r["way"] == way)) for way in WAYS]
            best = f"{shipped['best_network']} {_points(shipped['best_test_accuracy'])}"
            difference = f"{100 * float(shipped['difference']):+.1f} {interval(shipped)}"
            lines.append([name, share, *cells, shipped["network"], best, difference])
    header = ["experiment", "cost", *(f"{way}, %" for way in WAYS), "shipped"]
    return markdown([*header, "best of all, %", "shipped − best, points"], lines)


def _way(row: dict[str, str]) -> str:
    if not row["network"]:
        return "–"
    ends = " – ".join(_points(row[f"seed_{end}"]) for end in ("lowest", "highest"))
    bold = "**" if row["chosen"] == "1" else ""
    return f"{bold}{_points(row['test_accuracy'])}{bold} ({ends})"


def _points(cell: str) -> str:
    return f"{100 * float(cell):.1f}"


def interval(row: dict[str, str]) -> str:
    """The 95 % interval for newly trained seeds, in points; a dash where there is none."""
    low, high = row["new_seeds_low"], row["new_seeds_high"]
    return f"({100 * float(low):+.1f} … {100 * float(high):+.1f})" if low else "(–)"


def contest_table(folder: Path, experiments: Sequence[str], table: str = "contest") -> str:
    """Plain, early exit and cascade with intervals, and what the better of the last two gains.

    Over the plain network, and over a coin toss between the two plain networks whose costs enclose
    the budget: it sends each image to one of them, so that it spends the whole budget.
    """
    lines = []
    for name in experiments:
        rows, plain = rows_of(folder, name, table), _plain_networks(folder, name)
        for (share,) in unique(rows, "teacher_share"):
            at = {row["way"]: row for row in rows if row["teacher_share"] == share}
            cells = [_held(at.get(way)) for way in (PLAIN, EARLY_EXIT, CASCADE)]
            won = at.get(LEAVING)
            lines.append([name, share, *cells, *_gained(won), _over_toss(won, plain)])
    header = ["experiment", "cost", *(f"{way}, %" for way in (PLAIN, EARLY_EXIT, CASCADE))]
    header += ["the better of these two", "less plain, points", "95 %, these seeds"]
    return markdown([*header, "95 %, new seeds", "less a coin toss, points"], lines)


def _plain_networks(folder: Path, name: str) -> list[tuple[float, float]]:
    """(MACs, mean test accuracy) of every variant with one exit, the cheapest first."""
    rows = rows_of(folder, name, "exits")
    early = {row["variant"] for row in rows if row["exit"] != "0"}
    plain = [row for row in rows if row["variant"] not in early]
    return sorted(
        (float(mine[0]["macs"]), mean(numbers(mine, "test_accuracy")))
        for (variant,) in unique(plain, "variant")
        for mine in [[row for row in plain if row["variant"] == variant]]
    )


def _over_toss(row: dict[str, str] | None, plain: Sequence[tuple[float, float]]) -> str:
    """What ``row`` gains on a coin toss; a dash where the budget lies between no two networks."""
    if row is None:
        return "–"
    budget, accuracy = float(row["budget_macs"]), float(row["accuracy"])
    for (low, worse), (high, better) in pairwise(plain):
        if low <= budget < high:
            tossed = worse + (better - worse) * (budget - low) / (high - low)
            return f"{100 * (accuracy - tossed):+.1f}"
    return "–"


def _held(row: dict[str, str] | None) -> str:
    if row is None:
        return "–"
    low, high = (_points(row[f"these_seeds_{end}"]) for end in ("low", "high"))
    return f"{_points(row['accuracy'])} ({low} – {high}), {row['network']}"


def _gained(row: dict[str, str] | None) -> list[str]:
    if row is None:
        return ["–"] * 4
    if not row["gain"]:
        return [row["network"], *["–"] * 3]
    ends = [_ends(row, f"gain_{kind}") for kind in ("these_seeds", "new_seeds")]
    return [row["network"], f"{100 * float(row['gain']):+.1f}", *ends]


def attempts_table(folder: Path, experiments: Sequence[str]) -> str:
    """Early-exit students by heads and exit places, and what they recover of the gap to plain."""
    lines = []
    shares = _shares(folder, experiments, "trials")
    for name in experiments:
        rows = rows_of(folder, name, "trials")
        early = [r for r in rows if r["way"] == EARLY_EXIT]
        plain = _plain_on_validation(rows, shares)
        if not rows:
            continue
        full = numbers(rows_of(folder, name, "teacher_exits"), "macs")[-1]
        for (network,) in unique(early, "network"):
            at = {r["teacher_share"]: float(r["test_accuracy"]) for r in early
                  if r["network"] == network}  # fmt: skip
            first = [r for r in rows_of(folder, name, "exits")
                     if r["variant"] == network and r["exit"] == "0"]  # fmt: skip
            start = f"1/{full / float(first[0]['macs']):.1f}" if first else "–"
            alone = percent(numbers(first, "test_accuracy"))
            cells = [_recovered(at.get(s), plain.get(s), _of(early, s)) for s in shares]
            lines.append([name, network, start, alone, *cells])
        lines.append([name, "plain", "", "", *(_plain_cell(plain.get(s)) for s in shares)])
    header = ["experiment", "network", "first exit at", "all leave there, %"]
    return markdown([*header, *(f"{share}, %" for share in shares)], lines)


def _plain_on_validation(rows: Rows, shares: Sequence[str]) -> dict[str, float]:
    """Test accuracy of the plain network that validation chose, by share."""
    found = {}
    for share in shares:
        mine = [r for r in rows if r["way"] == PLAIN and r["teacher_share"] == share]
        if mine:
            best = max(mine, key=lambda row: float(row["val_accuracy"]))
            found[share] = float(best["test_accuracy"])
    return found


def _of(early: Rows, share: str) -> float | None:
    """Test accuracy of the student with the paper's heads and places, ``kd``."""
    mine = [r for r in early if r["network"] == "kd" and r["teacher_share"] == share]
    return float(mine[0]["test_accuracy"]) if mine else None


def _recovered(at: float | None, plain: float | None, base: float | None) -> str:
    if at is None:
        return "–"
    text = f"{100 * at:.1f}"
    if plain is None or base is None or at == base or plain - base < _LEAST_GAP:
        return text
    return f"{text} ({100 * (at - base) / (plain - base):.0f} %)"


def _plain_cell(accuracy: float | None) -> str:
    return "–" if accuracy is None else f"{100 * accuracy:.1f}"


def rules_table(folder: Path, experiments: Sequence[str]) -> str:
    """What each rule of choice loses on validation images that it has not seen."""
    lines = []
    shares = _shares(folder, experiments, "rules")
    for name in experiments:
        rows = rows_of(folder, name, "rules")
        for rule, images in unique(rows, "rule", "images"):
            where = {"rule": rule, "images": images}
            at = [numbers(rows, "lost", teacher_share=share, **where)[0] for share in shares]
            cells = [f"{100 * lost:.2f}" for lost in (*at, mean(at))]
            lines.append([name, rule, images, *cells])
    return markdown(["experiment", "rule", "images", *shares, "mean"], lines)


def _shares(folder: Path, experiments: Sequence[str], table: str) -> list[str]:
    rows = [row for name in experiments for row in rows_of(folder, name, table)]
    return [share for (share,) in unique(rows, "teacher_share")]


def policies_table(folder: Path, experiments: Sequence[str]) -> str:
    """Every policy less entropy with one θ, over all budgets; what validation ships in bold."""
    lines = []
    for name in experiments:
        rows = rows_of(folder, name, "policies_overall")
        for row in rows:
            if (row["score"], row["thresholds"]) == ("entropy", "one"):
                continue
            bold = "**" if row["chosen"] == "1" else ""
            difference = f"{bold}{100 * float(row['difference']):+.2f}{bold}"
            lines.append(
                [name, row["variant"], row["score"], row["thresholds"], difference]
                + [_ends(row, kind) for kind in ("these_seeds", "new_seeds")]
                + [f"{float(row['macs_ratio']):.3f}", row["seeds"]]
            )
    header = ["experiment", "student", "score", "θ", "difference, points"]
    header += ["95 %, these seeds", "95 %, new seeds", "MACs", "seeds"]
    return markdown(header, lines)


def _ends(row: dict[str, str], kind: str) -> str:
    low, high = row[f"{kind}_low"], row[f"{kind}_high"]
    return f"{100 * float(low):+.2f} … {100 * float(high):+.2f}" if low else "–"
