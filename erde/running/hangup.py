"""A closed terminal ends a run as Ctrl-C does: trainings save, Snakemake takes its lock away."""

import os
import signal
import threading
from types import FrameType


def hangup_interrupts() -> None:
    """Treat SIGHUP as SIGINT in this process; after ``nohup`` it goes on being ignored."""
    if threading.current_thread() is not threading.main_thread():
        return  # another program makes this plan, and handles its own signals
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    # The shell and the kernel may both send the signal; a second one would interrupt the clean-up.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.kill(os.getpid(), signal.SIGINT)
