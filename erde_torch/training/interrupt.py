"""SIGTERM and SIGINT as a request to save and stop, asked for between two steps."""

import signal
from types import FrameType, TracebackType


class Interrupted(SystemExit):
    """The training was asked to stop, saved its checkpoint and did."""


class StopRequest:
    """While active, a first SIGTERM or SIGINT only sets ``signal``; a second acts as usual.

    Args:
        patient: the second and all later ones are ignored. A process among several may be told of
            one request by its launcher, by the scheduler and by the terminal.
    """

    def __init__(self, patient: bool = False) -> None:
        self._patient = patient
        self.signal: signal.Signals | None = None
        self._previous: dict[signal.Signals, object] = {}

    def __enter__(self) -> "StopRequest":
        for number in (signal.SIGTERM, signal.SIGINT):
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
            self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
