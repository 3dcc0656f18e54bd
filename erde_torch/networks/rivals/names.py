"""What the plain networks beside a student are called. Imports no torch."""

import re

from erde_core.errors import ErdeError


def rival_names(exits: int, narrower: bool = True) -> list[str]:
    """Of a student with ``exits`` exits: it cut off at each, and narrower ones as dear as each
    early exit (where its family has widths)."""
    narrow = [f"narrow{e}" for e in range(exits - 1)] if narrower else []
    return [f"truncated{e}" for e in range(exits)] + narrow


def rival_exit(rival: str) -> tuple[str, int]:
    """Its kind, and the exit of the student whose cost it has.

    Raises:
        ValueError: not a name of :func:`rival_names`.
    """
    parts = re.fullmatch(r"(truncated|narrow)(\d+)", rival)
    if parts is None:
        raise ErdeError(f"rival must be truncated<exit> or narrow<exit>, got {rival!r}")
    return parts[1], int(parts[2])


def rival_end(rival: str, exits: int) -> int:
    """The exit that has learnt, of the network of ``exits`` exits that it is trained as."""
    kind, e = rival_exit(rival)
    return e if kind == "truncated" else exits - 1
