"""What every workflow script shares: progress on terminal and log, and errors in one sentence."""

import contextlib
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from erde.datasets.image_file import ImageError
from erde.running.planned.check import check_as_planned
from erde_core.errors import ErdeError
from erde_core.store.manifest import ManifestError

Say = Callable[[str], None]
# Errors whose message says all: ours (two of them are those of files that deployments carry along),
# and the operating system's, as of a full disk.
SPOKEN = (ErdeError, ImageError, ManifestError, OSError)


@contextlib.contextmanager
def running(name: str, log: str) -> Iterator[Say]:
    """Run a job called ``name``, with ``log`` as its log file.

    Yields:
        A function that prints a line, with time and name, on the terminal and into the log.

    Raises:
        SystemExit: the job failed, or is not what was planned any more. An error of ours, or of the
            operating system, becomes one sentence; anything else leaves its traceback in the log.
    """
    Path(log).write_text("", encoding="utf-8")
    with open(log, "a", encoding="utf-8", buffering=1) as file:  # other processes add to it too
        say = speaker(name, file)
        try:
            started = time.monotonic()
            check_as_planned()
            yield say
            say(f"done in {time.monotonic() - started:.1f} s")
        except KeyboardInterrupt:
            say("stopped by SIGINT")
            sys.exit(130)
        except Exception as error:
            if not isinstance(error, SPOKEN):
                traceback.print_exc(file=file)
            say(f"error: {error}")
            sys.exit(1)


def speaker(name: str, log: TextIO) -> Say:
    """A function that prints a line, with time and ``name``, on the terminal and into ``log``."""

    def say(text: str) -> None:
        # A file's name may hold bytes that are no text, which no log takes.
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
        line = f"{time.strftime('%H:%M:%S')} [{name}] {text}"
        print(line, file=log)
        with contextlib.suppress(OSError):  # the terminal may have been closed meanwhile
            print(line, file=sys.stderr, flush=True)

    return say
