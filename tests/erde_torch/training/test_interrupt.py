import os
import signal

import pytest

from erde_torch.training.interrupt import Interrupted, StopRequest


@pytest.fixture
def handlers():
    """Puts back what the tests change."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_first_signal_is_only_noted(handlers, number):
    with StopRequest() as stop:
        assert stop.signal is None
        os.kill(os.getpid(), number)
        assert stop.signal == number
    assert signal.getsignal(number) == handlers[number]


def test_a_second_signal_acts_as_usual(handlers):
    came = []
    signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert (stop.signal, came) == (signal.SIGTERM, [])
        os.kill(os.getpid(), signal.SIGTERM)
        assert came == [signal.SIGTERM]


def test_a_closed_terminal_is_told_of_twice(handlers):
    came = []
    signal.signal(signal.SIGHUP, lambda number, frame: came.append(number))
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        assert (stop.signal, came) == (signal.SIGHUP, [])


def test_after_nohup_a_hangup_is_nothing(handlers):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGHUP)
        assert stop.signal is None
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_a_patient_one_ignores_all_later_signals(handlers):
    came = []
    signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    with StopRequest(patient=True) as stop:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
        assert (stop.signal, came) == (signal.SIGINT, [])
    os.kill(os.getpid(), signal.SIGTERM)
    assert came == [signal.SIGTERM]


def test_after_the_block_signals_are_as_before(handlers):
    with pytest.raises(KeyError), StopRequest():
        raise KeyError
    assert {n: signal.getsignal(n) for n in handlers} == handlers


def test_interrupted_ends_the_process_with_its_code():
    assert isinstance(Interrupted(143), SystemExit)
    assert Interrupted(143).code == 143
