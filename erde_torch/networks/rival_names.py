"""What the plain networks beside a student are called. Imports no torch."""

import re

RIVALS = ("truncated0", "truncated1", "truncated2", "truncated3", "narrow0", "narrow1", "narrow2")


def rival_exit(rival: str) -> tuple[str, int]:
    """Its kind, and the exit of the student whose cost it has.

    Raises:
        ValueError: not one of ``RIVALS``.
    """
    if rival not in RIVALS:
        raise ValueError(f"rival must be one of {', '.join(RIVALS)}, got {rival!r}")
    kind, digit = re.fullmatch(r"([a-z]+)(\d)", rival).groups()
    return kind, int(digit)
