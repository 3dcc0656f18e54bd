"""A small version of the campaign in ``guarantee.py``, which says what is simulated."""

import pytest

from tests.erde_core.scores.guarantee import (
    POPULATIONS,
    by_halves,
    most_allowed,
    on_the_same_images,
    right_answers,
    unrelated,
    violations,
)


@pytest.mark.parametrize("name", POPULATIONS)
def test_fitted_and_chosen_on_one_half_the_promise_is_kept_on_the_other(name):
    assert violations(POPULATIONS[name](), by_halves, draws=150) <= most_allowed(150)


def test_fitted_and_certified_on_the_same_images_it_is_broken():
    assert violations(unrelated(), on_the_same_images, draws=100) > 2 * most_allowed(100)


def test_the_population_built_for_it_is_what_it_claims():
    right = right_answers(unrelated())
    assert right[:, -1].all()
    assert right[:, :-1].mean() == pytest.approx(0.6, abs=0.02)
