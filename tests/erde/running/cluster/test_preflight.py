from dataclasses import replace
from types import SimpleNamespace

import pytest

from erde.running.cluster.preflight import Request, find_problem
from erde.running.cluster.slurm import Cluster, Machine, Partition

CLUSTER = Cluster(
    {
        "cpu": Partition((Machine(0, 64, 256_000),), None, True),
        "gpu": Partition((Machine(4, 8, 64_000), Machine(1, 32, 512_000)), 1440, True),
        "old": Partition((Machine(0, 8, 32_000),), None, False),
    }
)
CHARGING = replace(CLUSTER, keeps_accounts=True, wants_account=True, accounts=("bio", "chem"))
STUDENT = Request("student", 1, 2, 9_000, 720, "gpu")


def problem(cluster=CLUSTER, command="squeue", **changes):
    return find_problem([replace(STUDENT, **changes)], cluster, command)


def test_what_fits_is_no_problem():
    assert problem() is None
    assert problem(gpus=4, threads=8, memory_mb=64_000, minutes=1440) is None
    assert problem(gpus=0, partition="cpu", minutes=10**6) is None
    assert problem(partition="") is None  # Slurm's own default
    assert problem(partition="cpu,gpu") is None  # Slurm takes the one that can start it


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"partition": "gpus"}, "must be one of cpu, gpu, got 'gpus', an unknown one"),
        ({"partition": "gpu,gpus"}, "must be one of cpu, gpu, got 'gpus', an unknown one"),
        ({"partition": "cpu,old"}, "has at most 0: ask for less, or take another partition in"),
        ({"partition": "old"}, "must be one of cpu, gpu, got 'old', one that is down"),
        ({"gpus": 5}, "student asks for 5 GPUs, but a machine of partition 'gpu' has at most 4"),
        ({"partition": "cpu"}, "has at most 0: ask for less, or take another partition in"),
        ({"partition": "cpu"}, "or say `device: cpu` in the experiment file"),
        ({"threads": 33}, "asks for 33 cores, but a machine of partition 'gpu' has at most 32"),
        ({"memory_mb": 512_001}, "512001 MB of memory, but a machine of partition 'gpu' has at"),
        ({"minutes": 1441}, "at most the 1440 minutes of partition 'gpu', got 1441 for student"),
        ({"gpus": 2, "threads": 9}, "2 GPUs, 9 cores, 9000 MB of memory, but no single machine"),
        ({"account": "bio"}, "slurm_account must not be given on a cluster that keeps no accounts"),
    ],
)
def test_what_never_starts_is_named(changes, sentence):
    assert sentence in problem(**changes)


def test_a_missing_account_is_named_with_those_that_there_are():
    said = problem(CHARGING)
    assert said.startswith("slurm_account must be given on this cluster, got none")
    assert said.endswith("uncomment it in profiles/slurm/config.yaml; yours: bio, chem")
    assert problem(replace(CHARGING, default_account="bio")) is None
    assert problem(replace(CHARGING, wants_account=False)) is None


def test_a_wrong_account_is_named():
    assert "must be one of yours, bio, chem, got 'geo'" in problem(CHARGING, account="geo")
    assert problem(CHARGING, account="Bio") is None  # Slurm does not look at the case
    assert problem(replace(CHARGING, accounts=()), account="geo") is None  # nobody says


def test_squeue_must_remember_an_ended_job_until_it_is_asked():
    forgets = replace(CLUSTER, keeps_accounts=True, remembers_seconds=60)
    assert "slurm-status-command must be sacct on this cluster" in problem(forgets)
    assert "after 60 s (MinJobAge)" in problem(forgets)
    assert problem(forgets, "sacct") is None
    assert problem(replace(forgets, remembers_seconds=300)) is None
    assert problem(replace(forgets, keeps_accounts=False)) is None  # there is no sacct to take


def test_every_request_is_looked_at():
    requests = [STUDENT, replace(STUDENT, rule="teacher", gpus=9)]
    assert "teacher asks for 9 GPUs" in find_problem(requests, CLUSTER, "squeue")
    assert find_problem([], CLUSTER, "squeue") is None


def test_what_a_job_does_not_know_yet_is_not_asked_for():
    resources = {"gpu": 2, "mem_mb": "<TBD>", "runtime": 30, "slurm_partition": "gpu"}
    resources["slurm_account"] = 1234
    job = SimpleNamespace(rule=SimpleNamespace(name="cache"), resources=resources, threads=3)
    assert Request.of(job) == Request("cache", 2, 3, 0, 30, "gpu", "1234")
