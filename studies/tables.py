"""The tables of the pages in docs/results, from the CSVs beside them."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean

from erde_core.settings import METHODS
from erde_core.store.tables import read_table

Rows = list[dict[str, str]]
_HELD = {"macs": "MACs", "theta": "θ"}
_NO_METHOD = ""
SHARES = ("1/12", "1/10", "1/8", "1/6", "1/5")


def rows_of(folder: Path, experiment: str, table: str) -> Rows:
    """The rows of ``<folder>/<experiment>/<table>.csv``; none where it is missing."""
    path = folder / experiment / f"{table}.csv"
    return read_table(path) if path.exists() else []


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; ``*not run*`` where there are no rows."""
    rows = list(rows)
    if not rows:
        return "*not run*"
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def unique(rows: Rows, *keys: str) -> list[tuple[str, ...]]:
    """The distinct values of ``keys``, in order of appearance."""
    return list(dict.fromkeys(tuple(row[key] for key in keys) for row in rows))


def numbers(rows: Rows, column: str, **where: str) -> list[float]:
    """The cells of a column as numbers, of the rows that match; empty cells are left out."""
    found = [row[column] for row in rows if all(row[k] == v for k, v in where.items())]
    return [float(cell) for cell in found if cell]


def percent(values: Sequence[float]) -> str:
    """Mean in %, and the range over the seeds where there are several."""
    if not values:
        return "–"
    text = f"{100 * mean(values):.1f}"
    several = f" ({100 * min(values):.1f} – {100 * max(values):.1f})"
    return text + (several if len(values) > 1 else "")


def settings_table(folder: Path, experiments: Sequence[str]) -> str:
    """What the tuning found on validation, means over seeds; the best of each method in bold.

    So is the best of all that no method names.
    """
    lines = []
    for name in experiments:
        rows = [r for r in rows_of(folder, name, "validation") if r["network"] != "teacher"]
        for method in (*METHODS, _NO_METHOD):
            lines += _settings_of(name, [r for r in rows if _method(r["network"]) == method])
    header = ["experiment", "setting", "seeds", "mean over 20 budgets, %", "last exit, %"]
    return markdown(header, lines)


def _settings_of(experiment: str, rows: list[dict[str, str]]) -> list[list[str]]:
    seeds: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        seeds.setdefault(row["network"].split("/")[0], []).append(row)
    scores = {s: _mean_of(mine, "val_mean_accuracy") for s, mine in seeds.items()}
    best = max(scores.values(), default=None)
    lines = []
    for setting, mine in seeds.items():
        bold = "**" if scores[setting] == best else ""
        last = f"{100 * _mean_of(mine, 'val_last_exit_accuracy'):.1f}"
        score = f"{100 * scores[setting]:.2f}"
        lines.append([experiment, f"{bold}{setting}{bold}", str(len(mine)), score, last])
    return lines


def _mean_of(rows: list[dict[str, str]], key: str) -> float:
    return mean(float(row[key]) for row in rows)


def _method(network: str) -> str:
    """By which a trial learned: ``kd_ls-temperature-2/seed0`` by ``kd_ls``."""
    named = (m for m in METHODS if re.match(f"{m}[_/-]", network))
    return max(named, key=len, default=_NO_METHOD)


def differences_table(folder: Path, experiments: Sequence[str]) -> str:
    """ERDE against every other variant: over all 20 budgets or thresholds, and one by one."""
    lines = []
    for name in experiments:
        compared = rows_of(folder, name, "comparison")
        for row in rows_of(folder, name, "overall"):
            keys = ("variant", "against", "equal")
            mine = [r for r in compared if all(r[key] == row[key] for key in keys)]
            cost = mean(float(r["variant_macs"]) / float(r["against_macs"]) for r in mine)
            lines.append(
                [name, f"{row['variant']} − {row['against']}", _held(row)]
                + [f"{100 * float(row['difference']):+.2f}", row["seeds"], f"{cost:.2f}"]
                + [_interval(row, kind) for kind in ("these_seeds", "new_seeds")]
                + [_surely(mine, "new_seeds")]
            )
    header = ["experiment", "difference", "at equal", "mean, points", "seeds", "cost ratio"]
    header += ["95 %, these seeds", "95 %, new seeds", "one by one, new seeds: above / below 0"]
    return markdown(header, lines)


def _held(row: dict[str, str]) -> str:
    """What is held equal; where the test images chose θ, as they did once, that too."""
    by_test = row["equal"] == "macs" and row.get("theta_from", "") != "validation"
    return _HELD[row["equal"]] + (", θ by test" if by_test else "")


def _interval(row: dict[str, str], kind: str) -> str:
    low, high = row[f"{kind}_low"], row[f"{kind}_high"]
    return f"{100 * float(low):+.2f} … {100 * float(high):+.2f}" if low else "–"


def _surely(rows: Rows, kind: str) -> str:
    low, high = numbers(rows, f"{kind}_low"), numbers(rows, f"{kind}_high")
    return f"{sum(v > 0 for v in low)} / {sum(v < 0 for v in high)} of {len(low)}" if low else "–"


def shares_table(folder: Path, experiments: Sequence[str]) -> str:
    """Test accuracy at shares of the teacher's MACs, θ chosen on validation."""
    lines = []
    for name in experiments:
        rows = rows_of(folder, name, "pareto")
        teacher = numbers(rows_of(folder, name, "teacher_exits"), "test_accuracy")[-1:]
        for (variant,) in unique(rows, "variant"):
            at = [
                percent(numbers(rows, "test_accuracy", variant=variant, teacher_share=share))
                for share in SHARES
            ]
            lines.append([name, variant, *at, percent(teacher)])
    return markdown(["experiment", "variant", *SHARES, "teacher"], lines)


def exits_table(folder: Path, experiments: Sequence[str]) -> str:
    """Test accuracy of every exit when all images leave there."""
    lines = []
    for name in experiments:
        rows, teacher = rows_of(folder, name, "exits"), rows_of(folder, name, "teacher_exits")
        if not rows or not teacher:
            continue
        full = numbers(teacher, "macs")[-1]
        last = [percent([value]) for value in numbers(teacher, "test_accuracy")]
        lines.append([name, "teacher", "1.00", *last])
        for (variant,) in unique(rows, "variant"):
            at = [
                percent(numbers(rows, "test_accuracy", variant=variant, exit=str(e)))
                for e in range(4)
            ]
            cost = max(numbers(rows, "macs", variant=variant)) / full
            lines.append([name, variant, f"{cost:.2f}", *at])
    header = ["experiment", "network", "cost, share of the teacher"]
    return markdown([*header, *(f"exit {e}, %" for e in range(4))], lines)


def wrong_table(folder: Path, experiments: Sequence[str]) -> str:
    """Share of wrong teacher answers per exit: what the entropy term can act on."""
    lines = []
    for name in experiments:
        rows = rows_of(folder, name, "teacher_wrong")
        for column, words in (("train_views", "train views"), ("validation", "validation")):
            if rows:
                lines.append([name, words, *(f"{100 * v:.1f}" for v in numbers(rows, column))])
    return markdown(["experiment", "on", *(f"exit {e}, %" for e in range(4))], lines)


def audit_table(folder: Path, experiments: Sequence[str]) -> str:
    """The student where the teacher's exit was wrong or right on test, means over the seeds."""
    lines = []
    for name in experiments:
        rows = rows_of(folder, name, "audit")
        for e, right in unique(rows, "exit", "teacher_right"):
            if e == "3":  # nobody has a choice there
                continue
            where = {"exit": e, "teacher_right": right}
            images = numbers(rows, "images", **where)[0]
            line = [name, e, "right" if right == "1" else "wrong", f"{images:.0f}"]
            for column, scale, digits in (
                ("entropy_nats", 1, 2),
                ("share_below_threshold", 100, 0),
                ("accuracy", 100, 0),
            ):
                line.append(_by_variant(rows, column, scale, digits, where))
            lines.append(line)
    header = ["experiment", "exit", "teacher", "images", "entropy, nats", "below θ, %"]
    return markdown([*header, "exit's accuracy, %"], lines)


def _by_variant(rows: Rows, column: str, scale: int, digits: int, where: dict[str, str]) -> str:
    parts = []
    for (variant,) in unique(rows, "variant"):
        values = numbers(rows, column, variant=variant, **where)
        parts.append(f"{variant} {scale * mean(values):.{digits}f}" if values else f"{variant} –")
    return ", ".join(parts)


def rivals_table(folder: Path, experiments: Sequence[str]) -> str:
    """Early exit minus a plain network of the cost of one of its exits."""
    lines = []
    for name in experiments:
        for row in rows_of(folder, name, "rivals"):
            low, high = (100 * float(row[f"these_seeds_{end}"]) for end in ("low", "high"))
            gain = f"{100 * float(row['difference']):+.1f} ({low:+.1f} … {high:+.1f})"
            both = [percent([float(row[f"{who}_accuracy"])]) for who in ("rival", "variant")]
            lines.append([name, row["rival"], row["variant"], *both, gain])
    header = ["experiment", "plain network", "early exit", "plain, %", "early exit, %"]
    return markdown([*header, "difference, points (these seeds)"], lines)
