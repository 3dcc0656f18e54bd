"""A draw of units of unequal size: the same chance for each, and totals that hardly vary.

The cube method (Deville and Tillé, Efficient balanced sampling: the cube method, Biometrika 91,
2004, 893-912): the chances of a few units at a time are moved in a direction that leaves their
number and their summed size as they are, until one of them is 0 or 1. Which of both ways they go
has the odds that leave each chance as it is on average, so no unit's chance depends on its size.
"""

from collections.abc import Callable, Iterable, Sequence

_SETTLED = 1e-9  # a chance so near to 0 or 1 differs from it by rounding alone


def balanced_draw(
    strata: Iterable[Sequence[int]],
    size: Sequence[int],
    chance: float,
    uniform: Callable[[], float],
) -> set[int]:
    """Draw units, each with probability ``chance``.

    Args:
        strata: the units that are drawn from, stratum by stratum, each unit once. Units that are
            near each other are drawn together as seldom as can be.
        size: of each unit, by its number.
        chance: 0 … 1.
        uniform: gives the next random number in [0, 1).

    Returns:
        The units drawn: of each stratum, and of all together, ``chance`` times their number,
        rounded down or up. Their summed size misses ``chance`` times that of all by less than
        three times the largest.
    """
    drawn = _Draw(size, uniform)
    left = [drawn.settle(units, chance) for units in strata]
    rest = drawn.settle(drawn.one_of_each(left))
    if len(rest) == 2:
        rest = drawn.move(rest, (1, -1))
    if rest:
        drawn.move(rest, (1,))
    return {unit for unit, found in drawn.chance.items() if found == 1}


class _Draw:
    """The chances of units while they are settled."""

    def __init__(self, size: Sequence[int], uniform: Callable[[], float]) -> None:
        self.chance: dict[int, float] = {}
        self._size, self._uniform = size, uniform

    def settle(self, units: Iterable[int], chance: float | None = None) -> list[int]:
        """Settle all but two of ``units``, which begin with ``chance``, if it is given."""
        open_: list[int] = []
        for unit in units:
            if chance is not None:
                self.chance[unit] = chance
            open_ = self._unsettled([*open_, unit])
            if len(open_) == 3:
                a, b, c = (self._size[u] for u in open_)
                alike = a == b == c
                open_ = self.move(open_, (1, -1, 0) if alike else (b - c, c - a, a - b))
        return open_

    def one_of_each(self, left: Iterable[list[int]]) -> list[int]:
        """Settle one of each two units of a stratum, in exchange with another stratum's two."""
        rest: list[int] = []
        waiting: list[int] = []
        for units in left:
            pairs = [pair for pair in (waiting, units) if len(pair) == 2]
            if len(pairs) == 2:
                x, y = (self._size[a] - self._size[b] for a, b in pairs)
                self.move([*waiting, *units], (y, -y, -x, x) if x else (1, -1, 0, 0))
            now = [self._unsettled(pair) for pair in (waiting, units)]
            rest += [unit for pair in now if len(pair) == 1 for unit in pair]
            waiting = next((pair for pair in now if len(pair) == 2), [])
        return rest + (self.move(waiting, (1, -1)) if waiting else [])

    def move(self, units: list[int], direction: tuple[int, ...]) -> list[int]:
        """Move chances along ``direction`` or against it, as far as they go; those still open."""
        way = [(u, d) for u, d in zip(units, direction, strict=True) if d]
        ahead = min(_room(self.chance[u], d) for u, d in way)
        back = min(_room(self.chance[u], -d) for u, d in way)
        step = ahead if self._uniform() * (ahead + back) < back else -back
        for u, d in way:
            moved = self.chance[u] + step * d
            near = round(moved)
            self.chance[u] = near if abs(moved - near) < _SETTLED else moved
        return self._unsettled(units)

    def _unsettled(self, units: list[int]) -> list[int]:
        return [u for u in units if 0 < self.chance[u] < 1]


def _room(chance: float, slope: int) -> float:
    """How far a chance can go that changes by ``slope`` for each step."""
    return (1 - chance) / slope if slope > 0 else chance / -slope
