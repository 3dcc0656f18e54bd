"""The confusion matrix: shares of each true class, and what is confused most."""

import pytest

from erde.report.sections.classes import balanced, classes_section, confusion_chart

NAMES = ("cat", "dog", "a very long name of a class")


def row(label, answer, images):
    return {"class": label, "answer": answer, "images": images}


def test_rows_are_shares_of_the_true_class():
    rows = [row(0, 0, 3), row(0, 1, 1), row(1, 1, 2), row(2, 0, 5), row(0, 0, 4)]
    chart = confusion_chart(rows, NAMES)
    wrong, right = (trace["z"] for trace in chart.traces)
    assert right == [[87.5, None, None], [None, 100, None], [None, None, None]]
    assert wrong == [[None, 12.5, None], [None, None, None], [100, None, None]]
    assert chart.cells == 3
    assert chart.traces[0]["meta"] == ["cat", "dog", "a very long n…"]
    assert chart.traces[0]["text"][2][1] == "a very long name of a class → dog"


def test_the_section_adds_the_seeds_and_lists_what_is_confused_most(two_seeds):
    section = classes_section(two_seeds)
    wrong, right = (trace["z"] for trace in section.charts["confusion"].traces)
    for label in range(5):
        cells = [cell for cell in wrong[label] + right[label] if cell is not None]
        assert sum(cells) == pytest.approx(100)
    assert "class &lt;0&gt; &amp; co" in section.body
    assert "<0>" not in section.body
    counts = [r for r in two_seeds.rows["confusion"] if r["variant"] == "erde"]
    pairs = {}
    for r in counts:
        if r["class"] != r["answer"]:
            key = (r["class"], r["answer"])
            pairs[key] = pairs.get(key, 0) + r["images"]
    assert f'data-label="images">{max(pairs.values())}</td>' in section.body


def test_balanced_accuracy_counts_a_rare_class_like_a_frequent_one(two_seeds):
    accuracy = {0: (90, 0.9), 1: (10, 0.4), 2: (0, None)}  # class: (images, of both seeds)
    rows = [
        {"variant": "erde", "seed": seed, "class": label, "images": images, "accuracy": share}
        for seed in (0, 1)
        for label, (images, share) in accuracy.items()
    ]
    rows[1]["accuracy"], rows[4]["accuracy"] = 0.3, 0.5
    found = str(balanced(rows, NAMES)).replace("\N{NO-BREAK SPACE}", " ")
    assert 'data-label="accuracy">85.00 %' in found
    assert 'data-label="balanced accuracy">65.00 %' in found
    assert 'data-label="lowest class">40.00 % (dog)' in found
    assert "Balanced accuracy" in classes_section(two_seeds).body
