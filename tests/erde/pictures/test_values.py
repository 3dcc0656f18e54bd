"""The picture of listed values: what is drawn where."""

import numpy as np
import pytest

from erde.evaluation.values import value_rows
from erde.pictures.values import values_figure
from tests.erde.evaluation.test_values import RUNS, pareto


def figure(runs=RUNS, status=None):
    return values_figure("digits", value_rows(pareto(runs, status)))


def heights(axes, marker):
    (line,) = [line for line in axes.lines if line.get_marker() == marker and line.get_ms() == 5]
    return np.asarray(line.get_ydata())


def rings(axes):
    return [tuple(line.get_xydata()[0]) for line in axes.lines if line.get_ms() == 11]


def test_means_stand_over_their_values_and_the_ring_is_on_both_sides():
    val, test = figure({k: v for k, v in RUNS.items() if k != "erde-entropy_weight-1e-05"}).axes
    assert heights(val, "o") == pytest.approx([71, 81])
    assert heights(test, "o") == pytest.approx([91, 72])
    assert rings(val) == [(1, pytest.approx(81))]
    assert rings(test) == [(1, pytest.approx(72))]  # worse on test, and chosen all the same
    assert [tick.get_text() for tick in val.get_xticklabels()] == ["0.3", "1"]
    assert val.get_xlabel() == "entropy weight of ERDE"
    assert "validation" in val.get_title()
    assert test.get_title() == "test images"


def test_bars_are_one_standard_deviation():
    val, _ = figure().axes
    (bars,) = val.collections
    ends = np.array([path.vertices[:, 1] for path in bars.get_paths()])
    assert np.ptp(ends, axis=1) == pytest.approx([0, 2 * 100 * 0.02 / 2**0.5, 2**0.5 * 2])


def test_what_cannot_be_reached_leaves_a_gap():
    status = {("erde-entropy_weight-0.3", seed): "not reachable" for seed in (0, 1)}
    val, _ = figure(status=status).axes
    assert np.isnan(heights(val, "o")[1])


def test_nothing_reached_draws_nothing_and_moves_nothing():
    rows = pareto() + [row | {"teacher_share": "1/12"} for row in pareto()]
    for row in rows[len(rows) // 2 :]:
        row |= {"status": "not reachable", "val_accuracy": None, "test_accuracy": None}
    val, _ = values_figure("digits", value_rows(rows)).axes
    assert [place for place, _ in rings(val)] == [0]
    assert len(val.collections) == 1


def test_each_list_has_its_own_panels_and_the_title_says_what_bars_are():
    drawn = figure(RUNS | {"kd-kd_mask-right": [(0.5, 0.5)], "kd-kd_mask-all": [(0.6, 0.4)]})
    assert [axes.get_xlabel() for axes in drawn.axes[::2]] == [
        "entropy weight of ERDE",
        "kd mask of KD",
    ]
    assert "mean over 2 seeds, bar ± 1 standard deviation" in drawn.get_suptitle()
    alone = figure({label: seeds[:1] for label, seeds in RUNS.items()})
    assert "bar" not in alone.get_suptitle()
