"""Every way to choose a threshold, and every way to choose wrongly."""

import math

import pytest

from erde.deployment.choice import choose_threshold

MANIFEST = {
    "largest_theta": 2 * math.log(10),
    "macs": [100, 200, 400],
    "teacher_macs": 2000,
    "curve": [[0.0, 0.90, 400.0], [0.2, 0.91, 300.0], [0.5, 0.88, 200.0], [4.6, 0.60, 100.0]],
    "per_exit_curve": [
        [[0.1, 0.0], 0.60, 100.0],
        [[0.3, 0.6], 0.89, 180.0],
        [[0.1, 0.2], 0.91, 300.0],
    ],
    "certified_theta": 0.1,
    "score": {"name": "entropy", "temperatures": None, "gate": None},
}


@pytest.mark.parametrize(
    ("option", "theta"),
    [
        ({}, 0.1),
        ({"theta": 0.7}, 0.7),
        ({"theta": 0}, 0),
        ({"budget": "0.1x"}, 0.5),
        ({"budget": "299.9"}, 0.5),
        ({"budget": "3e2"}, 0.2),
        ({"budget": "100"}, 4.6),
        ({"budget": "1x"}, 0.2),
        ({"max_drop": 0.0}, 0.2),
        ({"max_drop": 0.02}, 0.5),
        ({"max_drop": 0.29}, 0.5),
        ({"max_drop": 0.3}, 4.6),
        ({"theta": "0.7"}, 0.7),
        ({"theta": "0.7,0"}, [0.7, 0.0]),
        ({"budget": "200", "per_exit": True}, [0.3, 0.6]),
        ({"budget": "300", "per_exit": True}, 0.2),
        ({"budget": "179", "per_exit": True}, 4.6),
        ({"max_drop": 0.01, "per_exit": True}, [0.3, 0.6]),
        ({"max_drop": 0.0, "per_exit": True}, 0.2),
    ],
)
def test_choice(option, theta):
    assert choose_threshold(MANIFEST, **option) == theta


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"theta": -0.1}, r"theta must lie in 0 … 4.6052 nats \(2 log C\), got -0.1"),
        ({"theta": 4.7}, r"theta must lie in 0 … 4.6052 nats \(2 log C\), got 4.7"),
        ({"theta": math.nan}, "theta must lie in .*, got nan"),
        ({"budget": "0.04x"}, "at least 100 MACs, the cost of the first exit, got 0.04x = 80 MACs"),
        ({"budget": "nanx"}, "budget must be at least 100 MACs"),
        ({"budget": "cheap"}, "budget must be MACs or a share like 0.1x, got 'cheap'"),
        ({"max_drop": -0.1}, "max-drop must be a fraction in 0 … 1, got -0.1"),
        ({"max_drop": 2.0}, "max-drop must be a fraction in 0 … 1, got 2.0"),
        ({"theta": "much"}, "theta must be a number, or several with commas, got 'much'"),
        ({"theta": "1,"}, "theta must be a number, or several with commas, got '1,'"),
        ({"theta": "1,2,3"}, "theta must be one number or 2, one per early exit, got 3"),
        ({"theta": "1,5"}, r"theta must lie in 0 … 4.6052 nats \(2 log C\), got 1,5"),
        ({"per_exit": True}, "--per-exit must have --budget or --max-drop beside it"),
        ({"theta": 1.0, "per_exit": True}, "--per-exit must have --budget or --max-drop beside"),
    ],
)
def test_bad_choice(option, message):
    with pytest.raises(ValueError, match=message):
        choose_threshold(MANIFEST, **option)


def test_a_theta_of_another_score_is_named_by_it():
    margin = MANIFEST | {"largest_theta": 1.0, "score": MANIFEST["score"] | {"name": "margin"}}
    with pytest.raises(ValueError, match=r"0 … 1\.0000 of the score margin, got 2$"):
        choose_threshold(margin, theta=2)


def test_nothing_given_and_nothing_certified():
    with pytest.raises(ValueError, match="one of --theta, --budget, --max-drop must be given"):
        choose_threshold(MANIFEST | {"certified_theta": None})


def test_thresholds_per_exit_are_those_of_a_manifest_that_has_them():
    older = MANIFEST | {"per_exit_curve": []}
    with pytest.raises(ValueError, match="--per-exit must find thresholds for each early exit in"):
        choose_threshold(older, budget="200", per_exit=True)
    one_early = older | {"macs": [100, 400]}
    assert choose_threshold(one_early, budget="200", per_exit=True) == 0.5
