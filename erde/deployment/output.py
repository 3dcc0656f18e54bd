"""Where answers go: to standard output, into a file, or to a device, a pipe or a link."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from erde_core.errors import ErdeError


@contextlib.contextmanager
def text_output(path: Path | None) -> Iterator[TextIO]:
    """UTF-8 text to ``path``, or to standard output.

    A regular file is whole or as it was before, and keeps its mode; a link to one stays a link.
    Everything else that is there (a device, a pipe) is written as it comes. Bytes of file names
    that are no UTF-8 become ``\\udc80`` … ``\\udcff``.

    Raises:
        ValueError: the path is a folder, or its folder does not exist.
    """
    if path is None:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
        yield sys.stdout
        sys.stdout.flush()
        return
    if path.is_dir():
        raise ErdeError(f"--output must be a file, got the folder {path}")
    if not path.parent.is_dir():
        raise ErdeError(f"--output must lie in a folder that exists, got {path}")
    opened = _whole(Path(os.path.realpath(path))) if _is_plain(path) else _opened(path)
    with opened as file:
        yield file


def _is_plain(path: Path) -> bool:
    """Whether a new file may take its place; /dev/stdout may be a link to what the shell opened."""
    inside = path.absolute().parts[:2]
    return (path.is_file() or not path.exists()) and inside not in (("/", "dev"), ("/", "proc"))


def _opened(path: Path) -> TextIO:
    return open(path, "w", newline="", encoding="utf-8", errors="backslashreplace")


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[TextIO]:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with _opened(temporary) as file:
            if path.exists():
                os.chmod(temporary, path.stat().st_mode & 0o777)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
