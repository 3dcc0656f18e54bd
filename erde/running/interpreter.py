"""Python's own path as Snakemake can use it: it stands unquoted in a line of bash there."""

import os
import re
import sys

from erde_core.errors import ErdeError

_WORD = re.compile(r"[\w@%+=:,./-]+")  # letters of every script; none that a shell reads


def speakable_interpreter() -> None:
    """Name this Python by a path that a shell reads as one word, if there is one.

    Snakemake (9.27) starts scripts by ``{sys.executable} {script:q}``. In a clone whose path has a
    space the path from there, ``.venv/bin/python``, has none.

    Raises:
        ValueError: neither path is one word.
    """
    found = (sys.executable, os.path.relpath(sys.executable))
    plain = [path for path in found if _WORD.fullmatch(path)]
    if not plain:
        raise ErdeError(
            "the path of Python must have no space and no other sign that a shell reads, "
            f"got {sys.executable!r}; make the environment in a folder without"
        )
    sys.executable = plain[0]
