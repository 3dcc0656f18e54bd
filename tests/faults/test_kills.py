"""SIGKILL and SIGHUP at random moments and inside every kind of write: the result stays the same.

Each job is ended three times in one training (``--kills 35`` for a campaign), every second time
by SIGHUP, as when a terminal is closed. A checkpoint is written after every step here, so
random moments often lie inside a write; others are aimed: the killer waits for the temporary file
of the write that it wants to hit.
"""

import copy
import hashlib
import itertools
import os
import random
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.workflow.conftest import TINY, copy_repository

SEED = random.SystemRandom().randrange(10**6)
EVERY_STEP = ("--config", "checkpoint_seconds=0")


def experiment():
    """Longer than ``TINY``, so that there is something to kill; CE and ERDE in bf16 and float32."""
    keys = copy.deepcopy(TINY)
    keys["teacher"]["train"]["epochs"] = keys["student"]["train"]["epochs"] = 8
    keys["student"]["train"]["ema_decay"] = 0.8
    keys["variants"] = {"erde": {"method": "erde"}}
    return keys


STAGES = {
    "teacher": "results/killed/teacher/weights.safetensors",
    "cache": "results/killed/teacher_logits.h5",
    "erde/seed0": "results/killed/erde/seed0/weights.safetensors",
}


def content(path):
    """SHA-256 of what a file says, not of its bytes: order and padding may differ."""
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return hashlib.sha256(np.asarray(file["logits"]).tobytes()).hexdigest()
    tensors = load_file(path)
    parts = b"".join(name.encode() + tensors[name].tobytes() for name in sorted(tensors))
    return hashlib.sha256(parts).hexdigest()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A checkout in which nothing went wrong."""
    checkout = copy_repository(tmp_path_factory.mktemp("quiet"))
    checkout.write_experiment("killed", experiment())
    checkout.snakemake("--cores", "2", *STAGES.values(), *EVERY_STEP)
    return checkout


@pytest.fixture(scope="module")
def quiet(undisturbed):
    """Content hashes of the undisturbed run."""
    return {stage: content(undisturbed.root / path) for stage, path in STAGES.items()}


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    checkout = copy_repository(tmp_path_factory.mktemp("killed"))
    checkout.write_experiment("killed", experiment())
    return checkout


def ready(folder, undisturbed):
    """A checkout whose data set is there."""
    checkout = copy_repository(folder)
    checkout.write_experiment("killed", experiment())
    checkout.take_data(undisturbed, "killed")
    return checkout


def start(checkout, target):
    env = os.environ | {"PYTHONPATH": str(checkout.root)}
    command = [sys.executable, "-m", "snakemake", "--cores", "2", target, *EVERY_STEP]
    return subprocess.Popen(
        command, cwd=checkout.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def holder(folder):
    """The process that holds the job's checkpoint folder, once it has begun to work there."""
    try:
        words = (folder / "lock").read_text(encoding="utf-8").split()
    except OSError:
        return None
    return int(words[1]) if len(words) > 1 else None


def kill_once(checkout, stage, target, moment, number):
    """Run until ``moment`` has passed, then end the trainer; False if it was done before."""
    folder = checkout.root / "results/killed/checkpoints" / stage
    (folder / "lock").unlink(missing_ok=True)  # else the last holder's number is read
    run = start(checkout, target)
    while run.poll() is None:
        process = holder(folder)
        if process and moment(folder):
            os.kill(process, number)
            assert run.wait(timeout=120) != 0
            return True
        time.sleep(0.002)
    assert run.returncode == 0, run.stdout.read().decode()
    return False


def after(seconds):
    """A moment ``seconds`` after the job took its folder."""
    began = []

    def moment(folder):
        began.append(time.monotonic())
        return began[-1] - began[0] >= seconds

    return moment


def writing(pattern):
    """The moment in which a file of that name is being written."""
    return lambda folder: any(folder.glob(pattern))


@pytest.mark.parametrize("stage", STAGES)
def test_kills_change_nothing(quiet, killed, stage, kills_wanted):
    draw = random.Random(f"{SEED} {stage}")
    print(f"kill seed {SEED}")
    writes = ".checkpoint.safetensors.*.tmp" if stage != "cache" else "journal.jsonl"
    moments = [writing(writes), *(after(draw.uniform(0.0, 0.6)) for _ in range(kills_wanted - 1))]
    target = STAGES[stage]
    signals = itertools.cycle([signal.SIGKILL, signal.SIGHUP])
    ended = zip(moments, signals, strict=False)
    kills = sum(kill_once(killed, stage, target, moment, number) for moment, number in ended)
    killed.snakemake("--cores", "2", target, *EVERY_STEP)
    assert kills >= 1, "every run finished before it could be killed"
    print(f"{stage}: {kills} of {kills_wanted} kills hit a running trainer")
    assert content(killed.root / target) == quiet[stage]
    assert not list((killed.root / "results/killed").rglob(".*.tmp"))


def test_a_second_trainer_waits_and_finds_the_work_done(quiet, undisturbed, tmp_path):
    """Two Snakemakes in one folder: the master is killed, its trainer lives on as an orphan."""
    checkout = ready(tmp_path, undisturbed)
    target = STAGES["teacher"]
    folder = checkout.root / "results/killed/checkpoints/teacher"
    first = start(checkout, target)
    while not holder(folder):
        assert first.poll() is None
        time.sleep(0.01)
    orphan = holder(folder)
    os.kill(orphan, signal.SIGSTOP)  # so that it surely is still there when the second one comes
    first.kill()
    first.wait()
    checkout.snakemake("--unlock", target)
    second = start(checkout, target)
    log = checkout.root / "results/killed/logs/teacher.log"
    deadline = time.monotonic() + 120
    while "waiting: " not in (log.read_text(encoding="utf-8") if log.exists() else ""):
        assert second.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(orphan, signal.SIGCONT)
    output, _ = second.communicate(timeout=180)
    assert second.returncode == 0, output.decode()
    said = log.read_text(encoding="utf-8")
    assert "the training is already finished" in said
    assert "epoch 1/8" not in said
    assert content(checkout.root / target) == quiet["teacher"]


@pytest.fixture
def checkpoint_disk(undisturbed, tmp_path):
    """A checkout with its data set, and a way to put a small disk under a checkpoint folder."""
    checkout = ready(tmp_path, undisturbed)
    folder = checkout.root / "results/killed/checkpoints/teacher"
    folder.mkdir(parents=True)

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting a tmpfs needs root")
        return folder

    yield checkout, mount
    while subprocess.run(["umount", str(folder)], capture_output=True).returncode == 0:
        pass


def refused(checkout):
    """What the user reads when the teacher's checkpoint cannot be written."""
    done = checkout.snakemake("--cores", "1", STAGES["teacher"], *EVERY_STEP, check=False)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert not (checkout.root / STAGES["teacher"]).exists()
    return said


def test_a_full_disk_leaves_the_last_checkpoint_whole(undisturbed, checkpoint_disk):
    """Room for one checkpoint and a half: the second cannot be written beside the first."""
    checkout, mount = checkpoint_disk
    whole = undisturbed.root / "results/killed/checkpoints/teacher/checkpoint.safetensors"
    folder = mount(f"size={1.5 * whole.stat().st_size:.0f}")
    assert "cannot write the checkpoint" in refused(checkout)
    load_file(folder / "checkpoint.safetensors")  # whole


def test_a_read_only_folder_is_named(checkpoint_disk):
    checkout, mount = checkpoint_disk
    mount("ro")
    said = refused(checkout)
    assert "error: " in said
    assert "Read-only file system" in said
    assert "checkpoints/teacher" in said
