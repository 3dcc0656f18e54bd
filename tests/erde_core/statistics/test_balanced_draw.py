"""Every unit has the same chance, and number and size of what is drawn hardly vary."""

import random

import numpy as np
import pytest

from erde_core.statistics.balanced_draw import balanced_draw

RNG = np.random.default_rng(5)
UNITS = {  # sizes, stratum by stratum
    "all alike": [[30] * 5] * 10,
    "all different": [list(range(80, 120, 4))] * 8,
    "pairs and one huge": [[2] * 9 + [100]] * 10,
    "one in each stratum": [[size] for size in RNG.integers(2, 40, 50).tolist()],
    "any": [RNG.integers(2, 40, n).tolist() for n in RNG.integers(1, 12, 9)],
    "one": [[7]],
}
DRAWS = 800


def draws(strata, chance):
    size = [s for stratum in strata for s in stratum]
    ends = np.cumsum([len(stratum) for stratum in strata])
    units = [list(range(end - len(s), end)) for s, end in zip(strata, ends, strict=True)]
    uniform = random.Random(0).random
    return units, size, [balanced_draw(units, size, chance, uniform) for _ in range(DRAWS)]


@pytest.mark.parametrize("chance", [0.1, 0.37])
@pytest.mark.parametrize("name", UNITS)
def test_each_unit_has_the_same_chance(name, chance):
    """4.5 standard deviations: once in 150,000 units, if chances are equal."""
    _, size, found = draws(UNITS[name], chance)
    drawn = np.bincount([u for one in found for u in one], minlength=len(size))
    deviation = np.sqrt(DRAWS * chance * (1 - chance))
    assert np.abs(drawn - DRAWS * chance).max() < 4.5 * deviation


@pytest.mark.parametrize("chance", [0.1, 0.9])
@pytest.mark.parametrize("name", UNITS)
def test_numbers_are_rounded_and_the_size_is_near(name, chance):
    units, size, found = draws(UNITS[name], chance)
    for one in found:
        for stratum in (*units, range(len(size))):
            assert abs(len(one.intersection(stratum)) - chance * len(stratum)) < 1
        assert abs(sum(size[u] for u in one) - chance * sum(size)) < 3 * max(size)


def test_sizes_balance_between_strata_too():
    """One of the ten huge units is drawn, each time; drawn by themselves it would be 0 to 4."""
    _, size, found = draws(UNITS["pairs and one huge"], 0.1)
    assert {sum(size[u] for u in one) for one in found} == {118}


@pytest.mark.parametrize(("chance", "number"), [(0, 0), (1, 50)])
def test_none_or_all(chance, number):
    assert {len(one) for one in draws(UNITS["all alike"], chance)[2]} == {number}


def test_no_units():
    assert balanced_draw([], [], 0.5, random.Random(0).random) == set()
