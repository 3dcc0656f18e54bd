"""What the curve promises at a threshold, and whether chance explains another result."""

import numpy as np
import pytest
from scipy.stats import binomtest

from erde.deployment.promise import (
    LEAST_IMAGES,
    compare_accuracy,
    compare_cost,
    promised,
    was_chosen,
    wilson,
)
from tests.erde.deployment.promises import promises

CURVE = [[0.0, 0.90, 400.0], [0.2, 0.92, 300.0], [0.5, 0.88, 200.0]]
POINTS = [
    [0.0, 0.90, 400.0, 0.89, 0.92],
    [0.2, 0.92, 300.0, 0.85, 0.92],
    [0.3, 0.86, 250.0, 0.86, 0.88],
    [0.5, 0.88, 200.0, 0.88, 0.88],
]
OLDER = {"curve": CURVE, "operating_points": [], "per_exit_curve": []}
NEWER = OLDER | {"operating_points": POINTS}


@pytest.mark.parametrize(
    ("theta", "accuracy", "macs"),
    [
        (0.0, (0.90, 0.90), (400, 400)),
        (0.1, (0.89, 0.92), (300, 400)),
        (0.2, (0.92, 0.92), (300, 300)),
        (0.25, (0.85, 0.92), (250, 300)),
        (0.3, (0.86, 0.86), (250, 250)),
        (0.4, (0.86, 0.88), (200, 250)),
        (3.0, (0.88, 0.88), (200, 200)),
    ],
)
def test_what_validation_showed_at_a_threshold_and_around_it(theta, accuracy, macs):
    assert promised(NEWER, theta) == (accuracy, macs)
    assert promised(NEWER, [theta, theta]) == (accuracy, macs)


@pytest.mark.parametrize(
    ("theta", "accuracy", "macs"),
    [
        (0.0, (0.90, 0.90), (400, 400)),
        (0.1, (0.0, 0.92), (300, 400)),
        (0.2, (0.92, 0.92), (300, 300)),
        (0.3, (0.0, 0.92), (200, 300)),
        (0.5, (0.88, 0.88), (200, 200)),
        (3.0, (0.0, 0.88), (200, 200)),
    ],
)
def test_the_curve_alone_says_how_accurate_it_was_at_most(theta, accuracy, macs):
    assert promised(OLDER, theta) == (accuracy, macs)
    found = compare_accuracy(rights(20, 100), promised(OLDER, 0.3)[0], 500)
    assert found.difference == 0
    assert found.verdict.startswith("not above that, within chance; how far below it was")
    assert compare_accuracy(rights(100, 100), (0.0, 0.88), 500).verdict.startswith("surprising")


def test_one_threshold_per_exit_is_promised_what_its_own_row_says():
    each = NEWER | {"per_exit_curve": [[[0.3, 0.1], 0.8, 200.0]]}
    assert promised(each, [0.3, 0.1]) == ((0.8, 0.8), (200.0, 200.0))
    assert promised(each, [0.3, 0.2]) is None


def test_no_curve_no_promise():
    assert promised(OLDER | {"curve": []}, 0.2) is None
    found = compare_accuracy(np.ones(50, bool), None, None)
    assert found.promised is found.difference is None
    assert found.verdict == "nothing was promised"


@pytest.mark.parametrize(("right", "count"), [(0, 40), (17, 40), (40, 40), (950, 1000)])
def test_wilsons_interval(right, count):
    expected = binomtest(right, count).proportion_ci(method="wilson")
    assert wilson(right / count, count) == pytest.approx((expected.low, expected.high), abs=1e-12)


def rights(right, count):
    return np.arange(count) < right


def test_newcombes_interval_of_his_example():
    # Newcombe 1998, table II: 56/70 - 48/80, method 10.
    found = compare_accuracy(rights(56, 70), (48 / 80, 48 / 80), 80)
    assert found.difference == pytest.approx(0.2)
    assert found.chance == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert found.verdict.startswith("surprising")


def test_inside_the_promise_there_is_no_difference():
    found = compare_accuracy(rights(90, 100), (0.88, 0.92), 500)
    assert found.difference == 0
    assert found.verdict == "as promised, within chance"


def test_too_few_images_are_said_to_be():
    found = compare_accuracy(rights(0, LEAST_IMAGES - 1), (0.9, 0.9), 500)
    assert found.verdict == "too few images to judge, at least 30 are needed"


def test_an_old_promise_counts_as_exact():
    exact = compare_accuracy(rights(80, 100), (0.9, 0.9), None)
    sampled = compare_accuracy(rights(80, 100), (0.9, 0.9), 50)
    assert exact.chance[1] < 0 < sampled.chance[1]


def test_chance_is_called_surprising_once_in_twenty_times():
    rng = np.random.default_rng(0)
    surprises = sum(
        compare_accuracy(
            rng.random(300) < 0.9, (promise := (rng.random(500) < 0.9).mean(), promise), 500
        ).verdict.startswith("surprising")
        for _ in range(2000)
    )
    assert 0.02 < surprises / 2000 < 0.07


def test_of_a_threshold_that_was_chosen_on_validation_the_verdict_says_so():
    given, chosen = (compare_accuracy(rights(60, 100), (0.9, 0.9), 500, c) for c in (False, True))
    assert given.chance == chosen.chance
    assert given.verdict.endswith("such a difference less than once in 20 times")
    assert "less than once in 20 times for a θ that is given beforehand, and more" in chosen.verdict
    kept = compare_accuracy(rights(90, 100), (0.9, 0.9), 500, chosen=True)
    assert kept.verdict == "as promised, within chance"


def test_which_thresholds_were_chosen_on_validation():
    each = NEWER | {"per_exit_curve": [[[0.3, 0.1], 0.8, 200.0]]}
    found = {str(t): was_chosen(each, t) for t in (0.0, 0.2, 0.3, 0.5, [0.3, 0.1], [0.3, 0.2])}
    assert [theta for theta, chosen in found.items() if chosen] == ["0.2", "0.5", "[0.3, 0.1]"]


def test_what_was_chosen_on_validation_is_promised_too_much():
    """Of the same images, in points of accuracy; the full campaign has more draws."""
    found = promises(["θ given", "--budget 800"], 60)
    given, chosen = (found[way][:, 0] for way in ("θ given", "--budget 800"))
    assert abs(given.mean()) < 3 * given.std() / 60**0.5
    paired = chosen - given
    assert paired.mean() < -3 * paired.std() / 60**0.5


def test_cost():
    macs = np.array([100, 300] * 50)
    ends = (100, 300)  # the spread of two more images, nearly, at each stays 100
    assert compare_cost(macs, ends, (200, 200), 100).verdict == "as promised, within chance"
    found = compare_cost(macs, ends, (300, 350), 100)
    assert found.difference == -100
    assert found.verdict.startswith("surprising")
    assert found.interval == pytest.approx((200 - 19.6, 200 + 19.6), abs=0.01)


@pytest.mark.parametrize("to", [1, 3])
@pytest.mark.parametrize(
    ("images", "go_on"),
    [(30, 0.02), (50, 0.02), (100, 0.01), (300, 0.003), (1000, 0.001), (300, 0.4)],
)
def test_a_cost_is_called_surprising_at_most_once_in_twenty_times(images, go_on, to):
    """Few images or many go on, to the second exit or to the last."""
    rng, costs, val = np.random.default_rng(0), np.array([100, 150, 200, 250]), 5000
    surprises = 0
    for _ in range(400):
        promise = costs[to * (rng.random(val) < go_on)].mean()
        macs = costs[to * (rng.random(images) < go_on)]
        found = compare_cost(macs, (100, 250), (promise, promise), val)
        surprises += found.verdict.startswith("surprising")
    assert surprises / 400 < 0.08


def test_a_cost_that_is_another_is_surprising_in_a_hundred_images():
    macs = np.where(np.arange(100) < 20, 250, 100)
    assert compare_cost(macs, (100, 250), (125, 125), 5000).verdict == "as promised, within chance"
    assert compare_cost(macs, (100, 250), (110, 110), 5000).verdict.startswith("surprising")


def test_rounding_is_no_surprise():
    found = compare_cost(np.full(50, 100), (100, 300), (100 + 2e-14,) * 2, 100)
    assert found.verdict == "as promised, within chance"
