"""SIGTERM, SIGINT and SIGHUP as a request to save and stop, asked for between two steps."""

import signal
from types import FrameType, TracebackType
from typing import Any

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Interrupted(SystemExit):
    """The training was asked to stop, saved its checkpoint and did."""


class StopRequest:
    """While active, a first SIGTERM, SIGINT or SIGHUP only sets ``signal``; a second acts as usual.
    A second SIGHUP is ignored.

    A process that ignores SIGHUP (after ``nohup``) goes on ignoring it.

    Args:
        patient: the second and all later ones are ignored. A process among several may be told of
            one request by its launcher, by the scheduler and by the terminal.
    """

    def __init__(self, patient: bool = False) -> None:
        self._patient = patient
        self.signal: signal.Signals | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "StopRequest":
        for number in STOPS:
            # A shell makes what it starts in the background ignore SIGINT; here it is heard.
            nohup = number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN
            if not nohup:
                self._previous[number] = signal.signal(number, self._asked)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    def _asked(self, number: int, frame: FrameType | None) -> None:
        if self.signal is None:
            self.signal = signal.Signals(number)
        if not self._patient:
            # A closed terminal is told of twice, by the shell and by the kernel.
            self._restore(all_but=signal.SIGHUP)

    def _restore(self, all_but: signal.Signals | None = None) -> None:
        for number, handler in self._previous.items():
            if number is not all_but:
                signal.signal(number, handler)
