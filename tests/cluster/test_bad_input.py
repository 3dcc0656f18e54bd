"""What a user reads when the cluster cannot do what is asked: a sentence within a minute."""

import time

import pytest

from tests.cluster.slurm_node import REFUSAL
from tests.workflow.conftest import TINY

TARGET = "results/bad_pareto.png"


@pytest.fixture
def refused(checkout, cluster_run):
    checkout.write_experiment("bad", TINY)

    def run(*arguments, **resources):
        began = time.monotonic()
        said = cluster_run(checkout, TARGET, *arguments, **resources).wait(check=False)
        assert time.monotonic() - began < 60
        assert not (checkout.root / "results/bad/data.h5").exists()
        return said

    return run


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (
            {"slurm_partition": "gpu"},
            "slurm_partition must be one of main, short, charged, got 'gpu', an unknown one: "
            "change it in profiles/slurm/config.yaml",
        ),
        (
            {"slurm_account": "mine"},
            "slurm_account must not be given on a cluster that keeps no accounts, got 'mine'",
        ),
        (
            {"slurm_partition": "short", "runtime": "31"},
            "runtime must be at most the 30 minutes of partition 'short', got ",
        ),
        ({"mem_mb": "64001"}, "64001 MB of memory, but a machine of partition 'main' has at most"),
    ],
)
def test_what_the_profile_asks_wrongly_is_named(refused, asked, sentence):
    said = refused(**asked)
    assert sentence in said
    assert "has been submitted" not in said


def test_more_gpus_than_a_machine_has_are_refused(refused):
    said = refused("--set-resources", "student:gpu=3")
    assert "student asks for 3 GPUs, but a machine of partition 'main' has at most 2" in said
    assert "has been submitted" not in said


def test_slurms_own_refusal_reaches_the_user(refused):
    """An account that only the cluster's own rules ask for shows when the job is submitted."""
    said = refused(slurm_partition="charged")
    assert REFUSAL in said
    assert "Traceback" not in said
