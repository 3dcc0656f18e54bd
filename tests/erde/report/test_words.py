"""What the report concludes: these networks and new seeds each by their own interval."""

import pytest

from erde.report import words

NEW = {"new_seeds_low": -0.10, "new_seeds_high": 0.02, "seeds": 3}
NEW |= {"seed_lowest": -0.14, "seed_highest": -0.098}


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.172, -0.066, "worse (−17.20 … −6.60)"),
        (0.001, 0.02, "better (+0.10 … +2.00)"),
        (-0.01, 0.02, "not told apart (−1.00 … +2.00)"),
        (0.0, 0.02, "not told apart (+0.00 … +2.00)"),
        (None, None, "too few test images for an interval"),
    ],
)
def test_these_networks_are_judged_by_their_own_interval(low, high, verdict):
    assert plain(words.for_these(low, high, "better", "worse")) == verdict


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "not told apart (−10.00 … +2.00)"),
        ({"new_seeds_high": -0.01}, "worse (−10.00 … −1.00)"),
        ({"new_seeds_low": 0.01}, "better (+1.00 … +2.00)"),
        ({"seeds": 2, "new_seeds_low": -1.9}, "two seeds say nothing; theirs: −14.00 and −9.80"),
        ({"seeds": 1, "new_seeds_low": None}, "one seed says nothing of another"),
        ({"seeds": 2, "seed_lowest": None}, "two seeds say nothing; train three to five"),
        ({"new_seeds_low": None}, "too few test images for an interval"),
    ],
)
def test_new_seeds_are_judged_by_theirs_if_there_are_three(changes, verdict):
    assert plain(words.for_new(NEW | changes, "better", "worse")) == verdict


def test_of_two_seeds_their_range_is_shown_not_an_interval():
    two = NEW | {"seeds": 2, "new_seeds_low": -1.43, "new_seeds_high": 1.2}
    assert plain(words.new_interval(two)) == "−14.00 … −9.80"
    assert words.new_header([two]) == "range of the two seeds"
    assert words.new_header([NEW | {"seeds": 1}]) == "new seeds"
    assert words.few_seeds([two]).startswith("Two seeds say nothing of networks")
    assert plain(words.new_interval(NEW)) == "−10.00 … +2.00"
    assert words.new_header([NEW]) == "95 %, new seeds"
    assert words.few_seeds([NEW]) == ""
    one = NEW | {"seeds": 1}
    assert words.new_interval(one) is None
    assert words.few_seeds([one]).startswith("One seed says nothing")


def test_numbers():
    assert plain(words.percent(0.9067)) == "90.67 %"
    assert words.points(-0.119) == "−11.90"
    assert words.megamacs(5_040_000) == "5.04"
    assert words.percent(None) is None
    assert words.megamacs(None) is None
    assert words.between(None, 0.1) is None
