"""Which classes are right, and which are taken for which."""

from collections import Counter
from collections.abc import Sequence

from erde.evaluation.tables.rows import Rows, distinct, mean_of, where
from erde.experiment.names import name_of, shown_variant
from erde.report import words
from erde.report.charts import Chart, Key, Trace
from erde.report.html import Cell, chart_grid, render, table
from erde.report.section import Section
from erde.report.sections.audit import REFERENCE
from erde.report.source import Source

_MOST = 12  # confusions that are listed
_LETTERS = 14  # of a class's name beside the matrix
_RIGHT, _WRONG = "#0072B2", "#D55E00"
_BODY = """
<p>Of {{ name }}, all seeds together, at θ: {{ reference }}. A row is a true class and sums to
100 %, a column an answer.</p>
{{ matrix }}
<h3>The most frequent confusions</h3>
{{ confusions }}
<h3>Balanced accuracy</h3>
<p>The mean over the classes: a rare class counts as much as a frequent one. It is far below
accuracy where a network knows the frequent classes best.</p>
{{ balanced }}
<h3>Accuracy by class</h3>
{{ classes }}
"""


def classes_section(source: Source) -> Section:
    """The section with the matrix ``confusion``; rows of ``confusion.csv`` and ``classes.csv``."""
    shown, names = shown_variant(source.methods), source.dataset.class_names
    rows = where(source.rows["confusion"], variant=shown)
    chart = confusion_chart(rows, names)
    keys = [Key("right answers", _RIGHT, 10), Key("wrong answers", _WRONG, 10)]
    body = render(
        _BODY,
        name=name_of(shown),
        reference=REFERENCE,
        matrix=chart_grid({"confusion": chart}, keys),
        confusions=_confusions(rows, names),
        balanced=balanced(source.rows["classes"], names),
        classes=_classes(source.rows["classes"], names),
    )
    return Section("Which classes are taken for which", body, {"confusion": chart})


def confusion_chart(confusion: Rows, names: Sequence[str]) -> Chart:
    """Shares of each true class in %, right answers and wrong ones each with a scale of its own."""
    pairs, images = _counted(confusion)
    wrong: list[list[float | None]] = [[None] * len(names) for _ in names]
    right: list[list[float | None]] = [[None] * len(names) for _ in names]
    for (label, answer), count in pairs.items():
        (right if label == answer else wrong)[label][answer] = 100 * count / images[label]
    short = [_short(name) for name in names]
    traces = [_heat(wrong, names, short, _WRONG), _heat(right, names, short, _RIGHT)]
    return Chart(traces, "answer", "true class", cells=len(names))


def _heat(
    cells: list[list[float | None]], names: Sequence[str], short: list[str], color: str
) -> Trace:
    largest = max((cell for row in cells for cell in row if cell is not None), default=1)
    places = list(range(len(names)))
    hover = [[f"{label} → {answer}" for answer in names] for label in names]
    return {
        "type": "heatmap",
        **{"x": places, "y": places, "z": cells, "text": hover},
        "hovertemplate": "%{text}: %{z:.1f} %<extra></extra>",
        "colorscale": [[0, "#f2f2f2"], [1, color]],
        **{"zmin": 0, "zmax": largest, "showscale": False, "xgap": 1, "ygap": 1},
        "meta": short,
    }


def _short(name: str) -> str:
    return name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…"


def _counted(confusion: Rows) -> tuple[Counter[tuple[int, int]], Counter[int]]:
    """Images per (true class, answer), and per true class."""
    pairs: Counter[tuple[int, int]] = Counter()
    images: Counter[int] = Counter()
    for row in confusion:
        pairs[row["class"], row["answer"]] += row["images"]
        images[row["class"]] += row["images"]
    return pairs, images


def _confusions(confusion: Rows, names: Sequence[str]) -> object:
    pairs, images = _counted(confusion)
    wrong = [(pair, count) for pair, count in pairs.most_common() if pair[0] != pair[1]]
    cells: list[list[Cell]] = [
        [names[label], names[answer], count, words.percent(count / images[label])]
        for (label, answer), count in wrong[:_MOST]
    ]
    return table(["true class", "answer", "images", "of the class"], cells)


def _classes(classes: Rows, names: Sequence[str]) -> object:
    variants = distinct(classes, "variant")
    cells = []
    for label, name in enumerate(names):
        here = where(classes, **{"class": label})
        shown = [words.percent(mean_of(where(here, variant=v), "accuracy")) for v in variants]
        cells.append([name, here[0]["images"], *shown])
    return table(["class", "images", *map(name_of, variants)], cells)


def balanced(classes: Rows, names: Sequence[str]) -> object:
    """Accuracy of each variant by images and by classes, of the classes that have test images."""
    cells: list[list[Cell]] = []
    for variant in distinct(classes, "variant"):
        here = [row for row in where(classes, variant=variant) if row["images"]]
        images = sum(row["images"] for row in here)
        whole = sum(row["accuracy"] * row["images"] for row in here) / images
        by_class = {
            label: mean_of(where(here, **{"class": label}), "accuracy")
            for label in distinct(here, "class")
        }
        lowest = min(by_class, key=lambda label: (by_class[label], label))
        by_classes = words.percent(mean_of(here, "accuracy"))
        worst = f"{words.percent(by_class[lowest])} ({names[lowest]})"
        cells.append([name_of(variant), words.percent(whole), by_classes, worst])
    return table(["variant", "accuracy", "balanced accuracy", "lowest class"], cells)
