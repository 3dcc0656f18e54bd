"""Several processes, started by torchrun, against one that does the same by hand."""

import copy
import logging
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

from erde.running.holding.lock import folder_lock
from erde.running.training.launch import TrainingProcessError
from erde_torch.training.interrupt import Interrupted
from erde_torch.training.processes import ALONE, Processes
from tests.erde_torch.repeated_training import CPU, EPOCHS, SEED, STEPS, at_step, terminate
from tests.erde_torch.shared import Shared, by_hand

REPOSITORY = Path(__file__).parents[3]
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


@pytest.fixture(autouse=True, scope="module")
def _as_before():
    """The launcher ends with its training; here it must leave no trace."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPOSITORY))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "60")
        yield
    logging.disable(logging.NOTSET)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def shared(tmp_path, tiny_dataset):
    return lambda name="shared": Shared(tmp_path / name, tiny_dataset)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory, tiny_dataset):
    """Two processes from start to end."""
    training = Shared(tmp_path_factory.mktemp("two") / "quiet", tiny_dataset)
    training.launch()
    return training


def assert_close(found, wanted):
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-3, atol=1e-4, msg=name)


def test_two_processes_are_one_that_runs_both_halves(quiet):
    state, losses = by_hand(quiet.dataset, [2] * EPOCHS * STEPS)
    found = quiet.losses()
    print("largest relative difference of a loss", np.abs(found.T / losses - 1).max())
    np.testing.assert_allclose(found.T, losses, rtol=1e-4)
    network, history = quiet.result()
    assert_close(network, state)
    means = found.mean(0).reshape(EPOCHS, STEPS).mean(1)
    np.testing.assert_allclose([row["train_loss"] for row in history], means, rtol=1e-12)


def test_whole_batches_would_give_other_losses(quiet):
    """The comparison above sees the statistics of each half."""
    _, losses = by_hand(quiet.dataset, [1] * EPOCHS * STEPS)
    assert np.abs(quiet.losses().mean(0)[:, None] / losses - 1)[1:].max() > 1e-2


def test_stopped_and_resumed_gives_the_same_bits_or_goes_on_in_one_process(quiet, shared):
    stopped, said = shared(), []
    with pytest.raises(SystemExit) as caught:
        stopped.launch("launcher asked", rank=1, step=4)
    assert caught.value.code == 128 + signal.SIGTERM
    one = shared("one")
    shutil.copytree(stopped.checkpoints, one.checkpoints)
    with pytest.raises(SystemExit) as caught:
        stopped.launch("asked", rank=1, step=3)  # one process alone, and not the first
    assert caught.value.code == 128 + signal.SIGTERM
    stopped.launch()
    log = stopped.log.read_text(encoding="utf-8")
    assert log.count("stopped by SIGTERM; the checkpoint is saved") == 2
    taken = [int(step) for step in re.findall(r"resuming in epoch 1, step (\d)", log)]
    assert "resuming in epoch 2, step " in log
    (network, history), (wanted, rows) = stopped.result(), quiet.result()
    assert all(torch.equal(network[name], tensor) for name, tensor in wanted.items())
    assert history == rows
    network, _ = one.alone(said.append).start()
    assert said[0] == f"resuming in epoch 1, step {taken[0]}"
    done = taken[0] - 1
    state, _ = by_hand(quiet.dataset, [2] * done + [1] * (EPOCHS * STEPS - done))
    assert_close(network.state_dict(), state)


def test_one_process_stops_and_two_go_on(quiet, shared):
    begun = shared()
    with pytest.raises(Interrupted):
        begun.alone().start(at_step(STEPS + 2, terminate))
    begun.launch()
    assert "resuming in epoch 2, step 3" in begun.log.read_text(encoding="utf-8")
    state, losses = by_hand(quiet.dataset, [1] * (STEPS + 2) + [2] * (2 * STEPS - 2))
    np.testing.assert_allclose(begun.losses().T, losses[STEPS + 2 :], rtol=1e-3)
    assert_close(begun.result()[0], state)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("not a number", r"^loss must be finite, got nan in epoch 1, step 4 .* images: min "),
        ("killed", r"^every process .* its end, got SIGKILL in process 2 of 2; the last"),
    ],
)
def test_a_failure_in_one_process_ends_all_in_one_sentence(shared, what, sentence):
    spoilt = shared()
    with pytest.raises(TrainingProcessError, match=sentence):
        spoilt.launch(what, rank=1, step=4, seconds=-1)
    said = []
    spoilt.alone(said.append).start(at_step(1, lambda loss: loss))
    assert said[0] == "resuming in epoch 1, step 4"  # the step with the fault was not taken
    assert "Traceback" not in spoilt.log.read_text(encoding="utf-8")


def test_all_die_with_their_launcher_and_until_then_hold_the_folder(shared):
    orphaned = shared()
    code = (
        "import sys; from pathlib import Path; from tests.erde_torch.shared import Shared; "
        "Shared(Path(sys.argv[1])).launch('held', rank=1, step=2)"
    )
    command = [sys.executable, "-c", code, str(orphaned.folder)]
    launcher = subprocess.Popen(command, cwd=REPOSITORY)
    held = orphaned.folder / "held"
    wait_until(lambda: held.exists() and held.read_text())
    said = []
    other = threading.Thread(target=take, args=(orphaned.checkpoints, said.append), daemon=True)
    other.start()
    wait_until(lambda: said)
    first, second = int(re.search(r"in use by process (\d+)", said[0])[1]), int(held.read_text())
    assert len({first, second, launcher.pid}) == 3
    assert other.is_alive()
    launcher.kill()
    launcher.wait()
    other.join(120)
    assert not other.is_alive()
    wait_until(lambda: not alive(first) and not alive(second))


def take(folder, say):
    with folder_lock(folder, say):
        pass


def wait_until(done):
    deadline = time.monotonic() + 120
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid):
    """Whether it runs; a dead one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_parts_make_up_the_batch(training):
    whole = training().data
    for processes in (1, 2, 3):
        parts = []
        for rank in range(processes):
            data = copy.copy(whole)
            object.__setattr__(data, "processes", Processes(processes, rank))
            parts.append(list(data.epoch(SEED, 1, 2)))
        for batch, *shares in zip(whole.epoch(SEED, 1, 2), *parts, strict=True):
            assert {len(share.labels) for share in shares} == {24 // processes}
            assert torch.equal(torch.cat([share.images for share in shares]), batch.images)
            assert torch.equal(torch.cat([share.labels for share in shares]), batch.labels)


@dataclass(frozen=True)
class Imagined(Processes):
    """One of two processes, without the other; notes what is saved when it waits."""

    folder: Path | None = None
    seen: list = field(default_factory=list)

    def parallel(self, network):
        return network

    def gather(self, *numbers):
        return [list(numbers)] * 2

    def wait(self):
        self.seen.extend(path.name for path in self.folder.glob("*"))


@pytest.mark.parametrize(("rank", "saved"), [(0, ["checkpoint.safetensors"]), (1, [])])
def test_nobody_leaves_before_the_first_one_has_saved(shared, rank, saved):
    """The first exit makes torchrun end all."""
    stopped = shared().alone()
    stopped.processes = Imagined(2, rank, stopped.folder)
    stopped.folder.mkdir(parents=True)
    with pytest.raises(Interrupted):
        stopped.start(at_step(2, terminate))
    assert stopped.processes.seen == saved


def test_one_process_tells_itself():
    network = torch.nn.Linear(2, 2)
    assert ALONE.parallel(network) is network
    assert ALONE.gather(1.5, 2) == [[1.5, 2]]
    assert ALONE.first
    assert not Processes(2, 1).first


def test_each_process_has_its_own_gpu():
    gpu = torch.device("cuda")
    assert ALONE.own_device(gpu) == gpu
    assert Processes(2, 1).own_device(gpu) == torch.device("cuda:1")
    assert Processes(2, 1).own_device(CPU) == CPU
