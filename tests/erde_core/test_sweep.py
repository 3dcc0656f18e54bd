"""The sweep by hand and against direct simulation; what is asked of a curve by brute force."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erde_core import (
    OperatingPoints,
    accuracy_at,
    area_under_curve,
    best_index,
    exit_indices,
    pareto_front,
    sweep,
)
from erde_core.exit_changes import _SEGMENT, stable_order
from erde_core.sweep import thresholds_between

CLASSES = 3
LOOSEST = 2 * math.log(CLASSES)
# Few values: ties within a row, between rows, and at 0 are frequent.
LEVELS = st.sampled_from((0.0, 0.1, 0.5, np.nextafter(0.5, 1), 1.0, 2.0, np.nan))


@st.composite
def networks(draw, exits=None):
    """Entropies, correctness and MACs of a random network on a few samples."""
    samples, exits = draw(st.integers(1, 7)), exits or draw(st.integers(1, 4))
    rows = st.lists(LEVELS, min_size=exits, max_size=exits)
    entropy = np.array(draw(st.lists(rows, min_size=samples, max_size=samples)))
    answers = st.lists(st.booleans(), min_size=exits, max_size=exits)
    correct = np.array(draw(st.lists(answers, min_size=samples, max_size=samples)))
    steps = draw(st.lists(st.integers(0, 9), min_size=exits, max_size=exits))
    return entropy, correct, np.cumsum(steps)


@st.composite
def curves(draw):
    """Operating points as they come, equal ones among them."""
    count = draw(st.integers(1, 8))
    tenths = st.lists(st.integers(0, 10), min_size=count, max_size=count)
    accuracy, cost = np.array(draw(tenths)) / 10, np.sort(np.array(draw(tenths)))[::-1] * 1.0
    return OperatingPoints(np.arange(count) * 1.0, accuracy, cost, np.ones((count, 1)))


def simulate(entropy, correct, macs, threshold):
    leaves = exit_indices(entropy, threshold)
    share = np.bincount(leaves, minlength=len(macs)) / len(entropy)
    return correct[np.arange(len(leaves)), leaves].mean(), macs[leaves].mean(), share


def breakpoints(entropy):
    """The distinct running minima of the early exits' entropies, ascending."""
    early = np.where(np.isnan(entropy[:, :-1]), np.inf, entropy[:, :-1])
    lowest = np.unique(np.minimum.accumulate(early, axis=1))
    return lowest[np.isfinite(lowest)]


def point_at(network, threshold):
    """What the sweep says of ``threshold``: as many steps down as there are breakpoints below."""
    points = sweep(*network, CLASSES)
    k = np.searchsorted(breakpoints(network[0]), threshold, side="left")
    return points.accuracy[k], points.mean_macs[k], points.exit_share[k]


def test_by_hand():
    entropy = np.array([[0.4, 0.2, 0.0], [0.3, 0.5, 0.0]])
    correct = np.array([[False, True, True], [True, False, False]])
    points = sweep(entropy, correct, np.array([1, 2, 4]), CLASSES)
    # Passing 0.2 frees sample 0 at exit 1, 0.3 sample 1 at exit 0, 0.4 sample 0 at exit 0.
    assert points.threshold == pytest.approx([0, 0.25, 0.35, LOOSEST])
    assert points.accuracy.tolist() == [0.5, 0.5, 1.0, 0.5]
    assert points.mean_macs.tolist() == [4, 3, 1.5, 1]
    shares = [[0, 0, 1], [0, 0.5, 0.5], [0.5, 0.5, 0], [1, 0, 0]]
    assert points.exit_share.tolist() == shares
    assert len(points) == 4


@given(networks())
def test_direct_simulation_at_every_threshold(network):
    points = sweep(*network, CLASSES)
    for k, threshold in enumerate(points.threshold):
        accuracy, macs, share = simulate(*network, threshold)
        assert points.accuracy[k] == pytest.approx(accuracy, rel=1e-15)
        assert points.mean_macs[k] == pytest.approx(macs, rel=1e-15)
        assert np.array_equal(points.exit_share[k], share)


@given(networks(), st.floats(0, LOOSEST))
def test_direct_simulation_at_and_between_the_breakpoints(network, anywhere):
    steps = breakpoints(network[0])
    assert len(sweep(*network, CLASSES)) == 1 + len(steps)
    for threshold in (*steps, anywhere):
        accuracy, macs, share = simulate(*network, threshold)
        found = point_at(network, threshold)
        assert found[:2] == pytest.approx((accuracy, macs), rel=1e-15)
        assert np.array_equal(found[2], share)


@given(networks())
def test_thresholds_rise_and_costs_fall(network):
    points = sweep(*network, CLASSES)
    assert points.threshold[0] == 0
    assert (np.diff(points.threshold) > 0).all()
    assert (np.diff(points.mean_macs) <= 0).all()
    assert len(points) == 1 or points.threshold[-1] == LOOSEST
    assert points.exit_share.sum(axis=1) == pytest.approx(1, rel=1e-15)


@given(networks(exits=3), networks(exits=3), st.floats(0, LOOSEST))
def test_concatenated_data_sets_average_their_sweeps(one, other, threshold):
    macs = one[2]
    both = [np.concatenate(arrays) for arrays in zip(one[:2], other[:2], strict=True)]
    share = len(one[0]) / len(both[0])
    first, second = (point_at((*network[:2], macs), threshold) for network in (one, other))
    found = point_at((*both, macs), threshold)
    for value, a, b in zip(found, first, second, strict=True):
        assert value == pytest.approx(share * a + (1 - share) * b, rel=1e-14)


def test_midpoints_and_neighbouring_floats():
    middle = thresholds_between(np.array([0.25, 0.5, np.nextafter(0.5, 1)]), LOOSEST)
    assert middle.tolist() == [0.0, 0.375, np.nextafter(0.5, 1), LOOSEST]
    tiny = thresholds_between(np.array([0.0, 5e-324]), LOOSEST)
    assert tiny.tolist() == [0.0, 5e-324, LOOSEST]
    assert thresholds_between(np.array([]), LOOSEST).tolist() == [0.0]


@pytest.mark.parametrize(
    "spread",
    [
        lambda u: 4 * u,  # evenly over the range
        lambda u: 4 * u**40,  # most of them next to 0
        lambda u: np.round(4 * u, 3),  # many ties
        lambda u: np.round(u / 2) * 1e-9,  # two values, in one segment
        lambda u: 0 * u,
    ],
)
def test_order_of_more_entropies_than_a_segment_holds(spread):
    moment = spread(np.random.default_rng(0).random(5 * _SEGMENT // 2))
    expected = np.argsort(moment, kind="stable")
    assert np.array_equal(stable_order(moment, 2 * math.log(10)), expected)


def test_no_samples_and_one_exit():
    empty = sweep(np.zeros((0, 3)), np.zeros((0, 3), dtype=bool), np.array([1, 2, 3]), CLASSES)
    assert empty.threshold.tolist() == [0.0]
    assert np.isnan([empty.accuracy[0], empty.mean_macs[0], *empty.exit_share[0]]).all()
    assert np.isnan(accuracy_at(empty, 10))
    assert math.isnan(area_under_curve(empty))
    assert best_index(empty, 10) is None
    single = sweep(np.zeros((2, 1)), np.array([[True], [False]]), np.array([7]), CLASSES)
    assert (single.accuracy.tolist(), single.mean_macs.tolist()) == ([0.5], [7.0])
    assert area_under_curve(single) == 0.5


def test_awkward_arrays_give_the_same_as_plain_ones():
    rng = np.random.default_rng(0)
    entropy, correct = rng.random((9, 4)).astype(np.float32), rng.random((9, 4)) < 0.5
    macs = np.array([1, 2, 2, 5])
    plain = sweep(entropy.astype(np.float64), correct.copy(), macs, CLASSES)
    entropy, correct = np.asfortranarray(entropy), np.repeat(correct, 2, axis=0)[::2]
    entropy.flags.writeable = correct.flags.writeable = False
    awkward = sweep(entropy, correct, macs.astype(np.uint32), np.int64(CLASSES))
    for field in ("threshold", "accuracy", "mean_macs", "exit_share"):
        assert np.array_equal(getattr(awkward, field), getattr(plain, field))


def test_the_largest_costs_that_fit():
    macs = np.array([2**60, 2**61, (2**63 - 1) // 3])
    points = sweep(np.full((3, 3), 0.5), np.ones((3, 3), dtype=bool), macs, CLASSES)
    assert points.mean_macs.tolist() == [float(macs[2]), float(macs[0])]


@given(curves())
def test_pareto_front_by_brute_force(points):
    def beaten(k):
        """By a point no worse in either and better in one; of equals the loosest stays."""
        return any(
            a >= points.accuracy[k]
            and m <= points.mean_macs[k]
            and ((a, -m) != (points.accuracy[k], -points.mean_macs[k]) or j > k)
            for j, (a, m) in enumerate(zip(points.accuracy, points.mean_macs, strict=True))
        )

    expected = [k for k in range(len(points)) if not beaten(k)]
    assert pareto_front(points).threshold.tolist() == expected


@given(curves(), st.integers(-1, 11))
def test_accuracy_at_is_the_best_affordable_point_and_never_interpolates(points, budget):
    affordable = points.accuracy[points.mean_macs <= budget]
    found = accuracy_at(points, budget)
    assert found.shape == ()
    if len(affordable):
        assert found == affordable.max()
    else:
        assert np.isnan(found)
    assert accuracy_at(points, [[budget, 10]])[0, 1] == points.accuracy.max()


@given(curves(), st.integers(-1, 11))
def test_best_index_is_accurate_then_cheap_then_loose(points, budget):
    found = best_index(points, budget)
    keys = [
        (points.accuracy[k], -points.mean_macs[k], k)
        for k in range(len(points))
        if points.mean_macs[k] <= budget
    ]
    assert found == (max(keys)[2] if keys else None)


@given(curves())
def test_area_is_the_mean_of_accuracy_over_the_budgets(points):
    low, high = points.mean_macs.min(), points.mean_macs.max()
    budgets = np.arange(low, high) if high > low else [low]  # steps of 1: where costs lie
    expected = accuracy_at(points, budgets).mean()
    assert area_under_curve(points) == pytest.approx(expected, rel=1e-12)
