"""Another process that a test starts, listens to, and kills."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def started(code: str, *arguments: object) -> Iterator[subprocess.Popen]:
    """Python running ``code``, with pipes; killed at the end of the block."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    process = subprocess.Popen(command, **pipes, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen) -> str:
    """Its next line."""
    return process.stdout.readline().strip()
