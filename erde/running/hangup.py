"""A closed terminal ends a run as Ctrl-C does: trainings save, Snakemake takes its lock away."""

import os
import signal
import threading
from types import FrameType


def hangup_interrupts() -> None:
    """Treat SIGHUP as SIGINT in this process; after ``nohup`` it goes on being ignored."""
    if threading.current_thread() is not threading.main_thread():
        return  # a plan that another program makes: its signals are its own
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    # The shell and the kernel may both tell of it; a second one would cut the clean-up off.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.kill(os.getpid(), signal.SIGINT)
