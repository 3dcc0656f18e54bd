"""Whether a cluster can ever run what a workflow asks of it; else it would wait without a word."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from erde.running.cluster.slurm import Cluster, Machine, Partition

_PROFILE = "profiles/slurm/config.yaml"
_LONGEST_SILENCE = 240  # seconds between two looks of the plugin at squeue: 180, and some patience


@dataclass(frozen=True)
class Request:
    """What a job of a rule asks for; 0 or empty where nothing is said."""

    rule: str
    gpus: int = 0
    threads: int = 1
    memory_mb: int = 0
    minutes: int = 0
    partition: str = ""
    account: str = ""

    @classmethod
    def of(cls, job: Any) -> "Request":  # noqa: ANN401
        """Of a Snakemake job; what is only known when it runs counts as not said."""

        def number(name: str) -> int:
            value = job.resources.get(name, 0)
            return value if isinstance(value, int) else 0

        def text(name: str) -> str:  # YAML makes a number of an account 1234
            return str(job.resources.get(name, ""))

        return cls(
            job.rule.name,
            number("gpu"),
            job.threads,
            number("mem_mb"),
            number("runtime"),
            text("slurm_partition"),
            text("slurm_account"),
        )


def find_problem(requests: Iterable[Request], cluster: Cluster, status_command: str) -> str | None:
    """The first reason why the cluster would refuse a job or let it wait for ever, in one sentence.

    Args:
        requests: of all jobs.
        cluster: as it is.
        status_command: ``squeue`` or ``sacct``, by which ended jobs are noticed.
    """
    forgets = status_command == "squeue" and cluster.remembers_seconds < _LONGEST_SILENCE
    if forgets and cluster.keeps_accounts:
        return (
            f"slurm-status-command must be sacct on this cluster, got squeue, which forgets a "
            f"finished job after {cluster.remembers_seconds} s (MinJobAge): change it in {_PROFILE}"
        )
    for request in dict.fromkeys(requests):
        problem = _account(request, cluster) or _partition(request, cluster)
        if problem:
            return problem
    return None


def _account(request: Request, cluster: Cluster) -> str | None:
    mine, known = request.account, ", ".join(cluster.accounts) or "none that sacctmgr knows"
    if mine and not cluster.keeps_accounts:
        return (
            f"slurm_account must not be given on a cluster that keeps no accounts, got {mine!r}: "
            f"remove it from {_PROFILE}"
        )
    if mine and cluster.accounts and mine.lower() not in cluster.accounts:
        return f"slurm_account must be one of yours, {known}, got {mine!r}: change it in {_PROFILE}"
    if not mine and cluster.wants_account and not cluster.default_account:
        return (
            f"slurm_account must be given on this cluster, got none: uncomment it in {_PROFILE}; "
            f"yours: {known}"
        )
    return None


def _partition(request: Request, cluster: Cluster) -> str | None:
    if not request.partition:
        return None
    names = request.partition.split(",")  # Slurm takes the one that starts first
    if len(names) > 1:
        unknown = [name for name in names if name not in cluster.partitions]
        asked = unknown or names
        problems = [_partition(replace(request, partition=name), cluster) for name in asked]
        return None if None in problems else problems[0]
    partition = cluster.partitions.get(request.partition)
    if not partition or not partition.open:
        open_ones = ", ".join(name for name, p in cluster.partitions.items() if p.open)
        state = "one that is down" if partition else "an unknown one"
        return (
            f"slurm_partition must be one of {open_ones or '(none is up)'}, got "
            f"{request.partition!r}, {state}: change it in {_PROFILE}"
        )
    return _too_much(request, partition)


def _too_much(request: Request, partition: Partition) -> str | None:
    where, rule = f"partition {request.partition!r}", request.rule
    if partition.minutes is not None and request.minutes > partition.minutes:
        return (
            f"runtime must be at most the {partition.minutes} minutes of {where}, got "
            f"{request.minutes} for {rule}: lower it and raise retries in {_PROFILE}, or add "
            f"--set-resources {rule}:runtime={partition.minutes}"
        )
    machines = partition.machines
    kinds = [
        ("GPUs", request.gpus, [machine.gpus for machine in machines]),
        ("cores", request.threads, [machine.threads for machine in machines]),
        ("MB of memory", request.memory_mb, [machine.memory_mb for machine in machines]),
    ]
    for kind, wanted, offered in kinds:
        if wanted > max(offered):
            hint = ", or say `device: cpu` in the experiment file" if kind == "GPUs" else ""
            return (
                f"{rule} asks for {wanted} {kind}, but a machine of {where} has at most "
                f"{max(offered)}: ask for less, or take another partition in {_PROFILE}{hint}"
            )
    if not any(_fits(request, machine) for machine in machines):
        asked = ", ".join(f"{number} {kind}" for kind, number, _ in kinds)
        return (
            f"{rule} asks for {asked}, but no single machine of {where} has all of them: "
            f"take another partition in {_PROFILE}"
        )
    return None


def _fits(request: Request, machine: Machine) -> bool:
    return (
        request.gpus <= machine.gpus
        and request.threads <= machine.threads
        and request.memory_mb <= machine.memory_mb
    )
