"""A training that was stopped, however it was, ends with the bits of one that was not."""

import os
import random
import signal

import pytest
import torch

from erde_torch.device import choose_precision
from erde_torch.training.checkpoint import CheckpointError
from erde_torch.training.interrupt import Interrupted
from erde_torch.training.optimisation.losses import NonFiniteLossError
from tests.erde_torch.repeated_training import CPU, STEPS, assert_same, at_step, content, terminate

DRAW = random.SystemRandom().randrange(10**6)


def precisions():
    able = choose_precision("auto", CPU) == "bf16"
    reason = "this processor has no bf16 instructions"
    return ["float32", pytest.param("bf16", marks=pytest.mark.skipif(not able, reason=reason))]


@pytest.mark.parametrize("precision", precisions())
@pytest.mark.parametrize("ema_decay", [0.0, 0.8])
def test_stopped_and_resumed_gives_the_same_bits(training, ema_decay, precision, said):
    draw = random.Random(f"{DRAW} {ema_decay} {precision}")
    wanted = content(training("quiet", ema_decay=ema_decay).start(precision=precision))
    stops = [draw.randrange(1, STEPS), draw.randrange(1, 2 * STEPS), 1]
    print(f"stopped in steps {stops}, seed {DRAW}")
    stopped = training("stopped", ema_decay=ema_decay)
    for step in stops:
        with pytest.raises(Interrupted) as caught:
            stopped.start(at_step(step, terminate), precision)
        assert caught.value.code == 128 + signal.SIGTERM
    assert_same(content(stopped.start(precision=precision)), wanted)
    assert said.count("stopped by SIGTERM; the checkpoint is saved") == 3
    done = sum(stops)
    place = f"resuming in epoch {done // STEPS + 1}, step {done % STEPS + 1}"
    assert place in said or done % STEPS == 0


def test_stopped_in_the_last_step_of_an_epoch(training):
    """Only the validation is left to do; the history knows no difference."""
    wanted = content(training("quiet").start())
    stopped = training("stopped")
    with pytest.raises(Interrupted):
        stopped.start(at_step(STEPS, terminate))
    assert_same(content(stopped.start()), wanted)


def test_the_same_training_twice_gives_the_same_bits(training):
    first, second = (content(training(name).start()) for name in "ab")
    assert_same(first, second)


def test_sigint_stops_too(training):
    def interrupt(loss):
        os.kill(os.getpid(), signal.SIGINT)
        return loss

    with pytest.raises(Interrupted) as caught:
        training().start(at_step(2, interrupt))
    assert caught.value.code == 130


def test_finished_training_is_not_done_again(training, said):
    finished = training()
    wanted = content(finished.start())
    said.clear()

    def never(logits, batch):
        raise AssertionError("a step was taken")

    assert_same(content(finished.start(never)), wanted)
    assert said == ["the training is already finished"]


def test_a_resumed_training_keeps_its_threads(training, said):
    """Its host may have other cores by now."""
    wanted = content(training("quiet").start())
    with pytest.raises(Interrupted):
        training().start(at_step(7, terminate))
    torch.set_num_threads(2)
    assert_same(content(training().start()), wanted)
    assert torch.get_num_threads() == 1
    assert "1 CPU threads, as it began, and not 2" in said


def test_checkpoint_of_another_identity_is_not_resumed(training):
    wanted = content(training("quiet").start())
    other = training("other")
    with pytest.raises(Interrupted):
        other.start(at_step(7, terminate), identity="another")
    assert_same(content(other.start()), wanted)


def test_after_a_non_finite_loss_the_checkpoint_is_the_last_good_one(training):
    wanted = content(training("quiet").start())
    spoilt = training("spoilt")
    with pytest.raises(NonFiniteLossError):
        spoilt.start(at_step(8, lambda loss: loss * float("nan")), seconds=-1)
    assert_same(content(spoilt.start(at_step(9, terminate))), wanted)  # 8 steps are left


def test_full_disk_stops_with_one_error_and_a_whole_checkpoint(training, small_disk, said):
    wanted = content(training("quiet").start())
    probe = training("probe")
    probe.start()
    size = (probe.folder / "checkpoint.safetensors").stat().st_size
    crowded = training()
    crowded.folder = small_disk(size=size * 3 // 2)
    with pytest.raises(CheckpointError, match="cannot write the checkpoint"):
        crowded.start(seconds=-1)
    said.clear()
    roomy = training("roomy")
    roomy.folder.mkdir()
    whole = (crowded.folder / "checkpoint.safetensors").read_bytes()
    (roomy.folder / "checkpoint.safetensors").write_bytes(whole)
    assert_same(content(roomy.start()), wanted)
    assert said[0] == "resuming in epoch 1, step 2"
