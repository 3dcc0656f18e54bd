"""What the Slurm profile would ask for; the plans need no Slurm."""

import re

import pytest

from tests.workflow.conftest import TINY

PROFILE = ("--profile", "profiles/slurm")


def resources(checkout, *arguments):
    """{rule: what one of its jobs asks for} of a dry run."""
    shown = checkout.snakemake("--dry-run", *arguments).stdout
    found = re.findall(r"^rule (\w+):\n(?:    .*\n)*?    resources: (.*)$", shown, re.M)
    return {rule: dict(pair.split("=", 1) for pair in text.split(", ")) for rule, text in found}


@pytest.fixture
def no_gpu_here(monkeypatch, tmp_path):
    """A machine to submit from."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


# `--config` replaces what a profile sets under that key, so nothing may depend on it there.
@pytest.mark.parametrize("also", [(), ("--config", "rivals=False")])
def test_an_open_device_asks_for_a_gpu_of_the_cluster(checkout, no_gpu_here, also):
    asked = resources(checkout, "results/cifar100_pareto.png", *PROFILE, *also)
    on_gpu = {rule for rule, values in asked.items() if values.get("gpu") == "1"}
    assert on_gpu == {"teacher", "cache", "verify", "student", "member", "exit_logits"}
    assert all("gpu" not in asked[rule] for rule in ("data", "sweep", "plot"))


def test_an_open_device_asks_for_none_where_there_is_none(checkout, no_gpu_here):
    asked = resources(checkout, "results/cifar100_pareto.png")
    assert all(values.get("gpu", "0") == "0" for values in asked.values())


def test_the_answer_can_be_set(checkout, no_gpu_here):
    never = ("--config", "gpu_for_auto=False")
    asked = resources(checkout, "results/cifar100_pareto.png", *PROFILE, *never)
    assert all(values.get("gpu", "0") == "0" for values in asked.values())


def test_an_experiment_on_the_cpu_asks_for_none(checkout):
    asked = resources(checkout, "results/digits_pareto.png", *PROFILE)
    assert all(values.get("gpu", "0") == "0" for values in asked.values())


def test_every_job_has_what_a_scheduler_wants(checkout):
    asked = resources(checkout, "results/cifar100_report.html", *PROFILE)
    assert {"rival", "statistics", "report", "rivals"} <= set(asked)
    for values in asked.values():
        assert int(values["mem_mb"]) >= 3000
        assert 0 < int(values["runtime"]) <= 720
        assert values["slurm_partition"] == "main"
        assert values["slurm_extra"] == "--signal=TERM@120"
        assert values["nodes"] == "1"
    assert int(asked["student"]["mem_mb"]) > int(asked["teacher"]["mem_mb"])


def test_what_fills_a_machine_here_asks_a_cluster_for_one_core(checkout):
    """Else the job, which sees all cores of its node, would ask for more than it was given."""
    shown = checkout.snakemake("--dry-run", "results/cifar100/latency.csv", *PROFILE).stdout
    (rule,) = re.findall(r"^rule latency:\n(?:    .*\n)+", shown, re.M)
    assert "threads:" not in rule  # Snakemake says it where it is not 1
    here = checkout.snakemake("--dry-run", "--cores", "7", "results/cifar100/latency.csv").stdout
    (rule,) = re.findall(r"^rule latency:\n(?:    .*\n)+", here, re.M)
    assert "threads: 7" in rule


def provided_gpus(done):
    """As Snakemake says it: ``gpu=3``, or with the name of its class around it."""
    return int(re.search(r"Provided resources: .*gpu\D+(\d+)", done.stdout + done.stderr)[1])


def test_local_jobs_share_the_gpus_that_are_visible(checkout, monkeypatch):
    checkout.write_experiment("tiny", TINY)
    for listed, count in (("0,1,5", 3), ("", 1)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
        done = checkout.snakemake("--cores", "1", "--force", "results/tiny/data.h5")
        assert provided_gpus(done) == count
    asked = ("--resources", "gpu=2", "--config", "students_per_gpu=3")
    done = checkout.snakemake("--cores", "1", "--force", "results/tiny/data.h5", *asked)
    assert provided_gpus(done) == 6  # a GPU counts as three


def test_students_share_a_gpu_and_all_else_has_it_alone(checkout):
    """Exit logits share it as well; a training of several processes has all of its GPUs."""
    keys = TINY | {"device": "cuda"}
    keys["student"] = TINY["student"] | {"train": TINY["student"]["train"] | {"processes": 2}}
    checkout.write_experiment("two", keys)
    options = ("--resources", "gpu=2", "--config", "students_per_gpu=3", "gpu_for_auto=true")
    found = resources(checkout, "results/cifar100_report.html", *options)
    units = {rule: int(values["gpu"]) for rule, values in found.items() if "gpu" in values}
    sharers = {"student", "member", "rival", "exit_logits"}
    assert {rule for rule, number in units.items() if number == 1} == sharers
    assert {rule for rule, number in units.items() if number == 3} == units.keys() - sharers
    found = resources(checkout, "results/two_pareto.png", *options)
    assert (found["teacher"]["gpu"], found["student"]["gpu"]) == ("3", "6")


def test_a_cluster_shares_out_its_gpus_itself(checkout):
    options = (*PROFILE, "--dry-run", "--config", "students_per_gpu=2")
    done = checkout.snakemake("results/cifar100_pareto.png", *options, check=False)
    assert done.returncode == 1
    assert "--config students_per_gpu must be 1 on a cluster" in done.stdout + done.stderr
