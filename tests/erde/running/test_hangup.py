"""A closed terminal is Ctrl-C to Snakemake, once; what ``nohup`` started goes on."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from erde.running.hangup import hangup_interrupts


@pytest.fixture
def hung_up():
    """``hung_up(before)``: a process with that handler of SIGHUP that has called the function."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGINT)}

    def prepare(before):
        signal.signal(signal.SIGHUP, before)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored behind an &
        hangup_interrupts()

    yield prepare
    for number, handler in kept.items():
        signal.signal(number, handler)


def test_a_closed_terminal_interrupts_and_leaves_the_cleaning_alone(hung_up):
    hung_up(signal.SIG_DFL)
    assert signal.getsignal(signal.SIGHUP) != signal.SIG_DFL  # it would end pytest
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN  # the kernel tells after the shell


def test_after_nohup_it_goes_on_being_ignored(hung_up):
    hung_up(signal.SIG_IGN)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_a_plan_that_another_programs_thread_makes_changes_no_handler(hung_up):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(hangup_interrupts).result()
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL
