"""The table of targets in docs/results/README.md: each measured figure beside what was hoped."""

from collections.abc import Callable
from pathlib import Path
from statistics import mean

from studies.tables import markdown, numbers, rows_of, unique

FAMILY = ("", "_w075", "_w050", "_thin18", "_resnet18", "_long")  # students of one teacher
Measure = Callable[[Path, str], str]
# (what, target, how it is measured)
TARGETS: list[tuple[str, str, str]] = [
    ("teacher, last exit, %", "≥ 76.5 / ≥ 95.0", "teacher"),
    ("the teacher's recipe with exits − without, points", "within 0.5", "exits"),
    ("ERDE − KD at 20 equal budgets: interval above 0 at", "≥ 15", "above_kd"),
    ("best student at 1/5 of the teacher's MACs − teacher, points", "≥ −1.5 / ≥ −0.5", "1/5"),
    ("best of the family at 1/10 − teacher, points", "≥ −3 / ≥ −1", "1/10"),
    ("the same, above the teacher", "yes", "moonshot"),
    ("student at full cost, long schedule − teacher, points", "> 0", "long"),
    ("four-exit ResNet18, % per exit", "≥ 78.6 at the last", "resnet18"),
]


def targets_table(folder: Path, studies: dict[str, tuple[str, ...]]) -> str:
    """Every target, and what each study measured of it.

    Args:
        folder: the published results.
        studies: heading → its main experiments, in the place of CIFAR-100 and, if there is one, of
            CIFAR-10.
    """
    lines = []
    for what, target, key in TARGETS:
        line = [what, target]
        for mains in studies.values():
            found = [MEASURES[key](folder, main) for main in mains]
            line.append(" / ".join(text or "–" for text in found) if any(found) else "")
        lines.append(line)
    return markdown(["", "target, CIFAR-100 / CIFAR-10", *studies], lines)


def _teacher(folder: Path, main: str) -> float | None:
    found = numbers(rows_of(folder, main, "teacher_exits"), "test_accuracy")
    return 100 * found[-1] if found else None


def teacher(folder: Path, main: str) -> str:
    """Test accuracy of the teacher's last exit."""
    found = _teacher(folder, main)
    return "" if found is None else f"{found:.1f}"


def with_exits(folder: Path, main: str) -> str:
    """Last exit: the mean over seeds with all exits trained, minus that with the last alone."""
    rows = rows_of(folder, f"{main}_exits", "exits")
    if not rows:
        return ""
    one, other = (
        100 * mean(numbers(rows, "test_accuracy", variant=variant, exit="3"))
        for variant in ("with_exits", "without_exits")
    )
    return f"{one - other:+.1f}"


def above_kd(folder: Path, main: str) -> str:
    """At how many of the 20 budgets ERDE's interval against KD is above 0."""
    rows = [r for r in rows_of(folder, main, "comparison") if r["against"] == "kd"]
    low = numbers(rows, "new_seeds_low", variant="erde", equal="macs")
    return f"{sum(value > 0 for value in low)} of {len(low)}" if low else ""


def best_at(folder: Path, main: str, share: str) -> tuple[float, str] | None:
    """Test accuracy minus the teacher's, in points, of the family's best on validation."""
    found = []
    for member in FAMILY:
        rows = rows_of(folder, main + member, "pareto")
        for (variant,) in unique(rows, "variant"):
            where = {"variant": variant, "teacher_share": share}
            val = numbers(rows, "val_accuracy", **where)
            if val:
                test = mean(numbers(rows, "test_accuracy", **where))
                found.append((mean(val), test, f"{variant}{member}"))
    reference = _teacher(folder, main)
    if not found or reference is None:
        return None
    _, accuracy, name = max(found, key=lambda candidate: candidate[0])
    return 100 * accuracy - reference, name


def _best(share: str) -> Measure:
    def text(folder: Path, main: str) -> str:
        found = best_at(folder, main, share)
        return "" if found is None else f"{found[0]:+.1f} ({found[1]})"

    return text


def _moonshot(folder: Path, main: str) -> str:
    found = best_at(folder, main, "1/10")
    return "" if found is None else ("yes" if round(found[0], 6) > 0 else "no")


def long_schedule(folder: Path, main: str) -> str:
    """The best variant on validation at full cost, minus the teacher."""
    rows = rows_of(folder, f"{main}_long", "exits")
    scores = rows_of(folder, f"{main}_long", "validation")
    reference = _teacher(folder, main)
    if not rows or reference is None:
        return ""

    def on_validation(variant: str) -> float:
        mine = [r for r in scores if r["network"].startswith(f"{variant}/")]
        return mean(numbers(mine, "val_last_exit_accuracy"))

    best = max((variant for (variant,) in unique(rows, "variant")), key=on_validation)
    accuracy = 100 * mean(numbers(rows, "test_accuracy", variant=best, exit="3"))
    return f"{accuracy - reference:+.1f} ({best})"


def resnet18(folder: Path, main: str) -> str:
    """Every exit of ERDE's ResNet18."""
    rows = rows_of(folder, f"{main}_resnet18", "exits")
    values = [numbers(rows, "test_accuracy", variant="erde", exit=str(e)) for e in range(4)]
    return " · ".join(f"{100 * mean(v):.1f}" for v in values) if all(values) else ""


MEASURES: dict[str, Measure] = {
    "teacher": teacher,
    "exits": with_exits,
    "above_kd": above_kd,
    "1/5": _best("1/5"),
    "1/10": _best("1/10"),
    "moonshot": _moonshot,
    "long": long_schedule,
    "resnet18": resnet18,
}
