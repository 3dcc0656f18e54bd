"""Losses that stay on their device, of two processes that add them up over gloo."""

import math
import multiprocessing
import signal
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist

from erde_torch.training.batches import Batch
from erde_torch.training.optimisation.losses import KeptLosses, NonFiniteLossError
from erde_torch.training.processes import Processes
from erde_torch.training.shelf import Position

CPU = torch.device("cpu")


def of_two(rank, folder, act, asked, pipe):
    """One process: ``act(losses_of, told)`` of :func:`two`, and what it gives or raises."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    optimiser, position = SimpleNamespace(found_inf=torch.zeros(())), Position()

    def losses_of(steps):
        return KeptLosses(CPU, optimiser, Processes(2, rank), position, steps, redraw)

    try:
        pipe.send(act(rank, losses_of, position, asked))
    except (NonFiniteLossError, SystemExit) as error:
        pipe.send((type(error), str(error)))
    dist.destroy_process_group()


def redraw(step):
    return 0.5, torch.zeros(1), Batch(torch.ones(2), torch.zeros(2), None, torch.zeros(()))


@pytest.fixture
def two(tmp_path, monkeypatch):
    """``two(act, asked)``: what ``act`` gives in each of two processes."""
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")

    def run(act, asked):
        context = multiprocessing.get_context("fork")  # nothing here has threads yet that matter
        pipes = [context.Pipe() for _ in range(2)]
        started = [
            context.Process(target=of_two, args=(rank, tmp_path, act, asked, theirs))
            for rank, (_, theirs) in enumerate(pipes)
        ]
        for process in started:
            process.start()
        try:
            found = [own.recv() if own.poll(60) else None for own, _ in pipes]
            for process in started:
                process.join(20)
        finally:
            for process in started:
                process.kill()
        return found

    return run


def until_told(rank, losses_of, position, asked):
    """As the loop takes its steps: (epoch, step) after which a process is told to stop."""
    steps, process, number = asked
    taken = 0
    for epoch in range(3):
        position.step = 0
        losses = losses_of(steps)
        for step in range(1, steps + 1):
            taken += 1
            signalled = signal.SIGTERM if rank == process and taken >= number else 0
            told = losses.take(torch.tensor(float(step)), signalled)
            position.step = step
            if told:
                return epoch, step, told, losses.settle()
        losses.settle()
    return None


@pytest.mark.parametrize(
    ("steps", "number", "place"),
    [(5, 2, (0, 5)), (5, 6, (1, 5)), (1, 1, (0, 1)), (20, 3, (0, 16)), (20, 18, (0, 20))],
)
def test_a_stop_of_one_process_is_heard_by_both_after_the_same_step(two, steps, number, place):
    """However short an epoch is, and a checkpoint can be saved there."""
    assert two(until_told, (steps, 1, number)) == [(*place, signal.SIGTERM, True)] * 2


def means(rank, losses_of, position, asked):
    losses = losses_of(3)
    for value in asked[rank]:
        losses.take(torch.tensor(value), 0)
        position.step += 1
    losses.settle()
    return position.loss_sum


def test_the_epochs_loss_is_the_mean_of_both(two):
    assert two(means, ((1.0, 2.0, 3.0), (2.0, 4.0, 6.0))) == [9.0, 9.0]


def test_a_loss_that_is_none_ends_both_and_one_says_so(two):
    found = two(means, ((1.0, 2.0, 3.0), (2.0, math.nan, 6.0)))
    assert found[0] == (SystemExit, "1")
    assert found[1][0] is NonFiniteLossError
    assert "got nan in epoch 1, step 2 (learning rate 0.5; images: " in found[1][1]
