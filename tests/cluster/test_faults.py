"""What goes wrong on a cluster, in mid-training; the weights are those of a quiet local run."""

import copy
import os
import signal

import pytest

from tests.cluster.conftest import slow_down, steps_done, wait_until
from tests.faults.test_kills import content
from tests.workflow.conftest import TINY, made_once

TARGET = "results/fault/teacher/weights.safetensors"
FOLDER = "results/fault/checkpoints/teacher"
LOG = "results/fault/logs/teacher.log"
EVERY_STEP = ("--config", "checkpoint_seconds=0")
STEPS = 4  # per epoch


def experiment():
    keys = copy.deepcopy(TINY)
    keys["teacher"]["train"]["epochs"] = 30
    return keys


def run_quietly(checkout):
    checkout.write_experiment("fault", experiment())
    checkout.snakemake("--cores", "2", TARGET)


@pytest.fixture(scope="module")
def quiet(the_node, tmp_path_factory):
    """A checkout in which nothing went wrong, and nothing was slowed down."""
    return made_once(tmp_path_factory, "quiet", run_quietly)


@pytest.fixture
def prepared(quiet, checkout):
    """A checkout with the data set, in which the teacher takes ``seconds``."""
    checkout.write_experiment("fault", experiment())
    checkout.take_data(quiet, "fault")

    def with_pace(seconds):
        slow_down(checkout, seconds / (30 * STEPS))
        return checkout

    return with_pace


def in_mid_training(checkout, run):
    """Wait until some epochs are done; how many steps."""
    wait_until(lambda: steps_done(checkout.root / FOLDER) >= (3, 0), run)
    epoch, step = steps_done(checkout.root / FOLDER)
    assert epoch < 30
    return epoch * STEPS + step


def logged(checkout):
    """What the trainer says; Snakemake removes the file when it submits the job again."""
    path = checkout.root / LOG
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def resumed_at(checkout):
    """The step at which the last attempt took over."""
    text = logged(checkout)
    found = [line for line in text.splitlines() if "resuming in epoch" in line]
    assert found, text
    epoch, step = found[-1].split("resuming in epoch ")[1].split(", step ")
    return (int(epoch) - 1) * STEPS + int(step) - 1


def test_a_cancelled_job_is_submitted_again_and_goes_on(quiet, prepared, cluster_run, node):
    checkout = prepared(15)
    run = cluster_run(checkout, TARGET, *EVERY_STEP)
    done = in_mid_training(checkout, run)
    (job,) = node.jobs()
    node.command("scancel", job)
    assert "failed, SLURM status is: 'CANCELLED'" in run.wait()
    assert resumed_at(checkout) >= done
    assert content(checkout.root / TARGET) == content(quiet.root / TARGET)


def test_a_job_at_its_time_limit_is_warned_saves_and_goes_on(quiet, prepared, cluster_run):
    """The checkpoint is written only when the warning comes, for its time is a day here."""
    checkout = prepared(60)
    once = ("--set-resources", "teacher:runtime=1 if attempt == 1 else 20")
    warned = {"slurm_extra": "'--signal=TERM@5'"}
    run = cluster_run(checkout, TARGET, "--config", "checkpoint_seconds=86400", *once, **warned)
    wait_until(lambda: "stopped by SIGTERM; the checkpoint is saved" in logged(checkout), run)
    done = steps_done(checkout.root / FOLDER)
    assert (0, 0) < done < (30, 0)
    said = run.wait()
    assert "Trying to restart job" in said
    assert resumed_at(checkout) == done[0] * STEPS + done[1]
    assert content(checkout.root / TARGET) == content(quiet.root / TARGET)


def test_a_killed_master_leaves_a_trainer_that_the_next_one_waits_for(
    quiet, prepared, cluster_run, node
):
    checkout = prepared(15)
    first = cluster_run(checkout, TARGET, *EVERY_STEP)
    in_mid_training(checkout, first)
    trainer = int((checkout.root / FOLDER / "lock").read_text(encoding="utf-8").split()[1])
    os.kill(trainer, signal.SIGSTOP)  # so that it surely is still there when the second one comes
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    (orphan,) = node.jobs()
    checkout.snakemake("--unlock", TARGET)
    second = cluster_run(checkout, TARGET, *EVERY_STEP)
    waits = "waiting: results/fault/checkpoints/teacher is in use by process"
    wait_until(lambda: waits in logged(checkout), second)
    assert f"(Slurm job {orphan})" in logged(checkout)
    os.kill(trainer, signal.SIGCONT)
    second.wait()
    assert "the training is already finished" in logged(checkout)
    assert content(checkout.root / TARGET) == content(quiet.root / TARGET)


def test_a_drained_node_that_goes_down_and_comes_back(quiet, prepared, cluster_run, node):
    """Draining lets the job run; going down kills it, and Slurm itself starts it again."""
    checkout = prepared(25)
    run = cluster_run(checkout, TARGET, *EVERY_STEP)
    done = in_mid_training(checkout, run)

    def update(state):
        node.command("scontrol", "update", f"NodeName={node.host}", f"State={state}", "Reason=test")

    update("DRAIN")
    wait_until(lambda: steps_done(checkout.root / FOLDER) > (done // STEPS + 1, 0), run)
    assert node.sinfo("%T") == "draining"
    update("DOWN")
    wait_until(lambda: node.jobs("PD"), run)
    update("RESUME")
    run.wait()
    assert resumed_at(checkout) >= (done // STEPS + 1) * STEPS
    assert content(checkout.root / TARGET) == content(quiet.root / TARGET)
