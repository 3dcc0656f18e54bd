"""What a Slurm cluster offers, from the words of its own commands. Imports no torch."""

import getpass
import re
import shutil
import subprocess
from dataclasses import dataclass

from erde_core.errors import ErdeError

_ANSWER_SECONDS = 20
_NO_ACCOUNTS = "accounting_storage/none"


class ClusterError(ErdeError):
    """Slurm is not here, or does not answer."""


@dataclass(frozen=True)
class Machine:
    """The most that one machine of a partition has, per kind."""

    gpus: int
    threads: int
    memory_mb: int


@dataclass(frozen=True)
class Partition:
    """A part of the cluster.

    Attributes:
        machines: its machines.
        minutes: a job may run there; None for any number.
        open: whether it takes jobs.
    """

    machines: tuple[Machine, ...]
    minutes: int | None
    open: bool


@dataclass(frozen=True)
class Cluster:
    """A cluster, as one user sees it.

    Attributes:
        partitions: by name.
        keeps_accounts: whether jobs are charged to anyone.
        wants_account: whether a job without a known account is refused.
        accounts: the user's; empty if nobody says.
        default_account: whom a job without an account is charged to; empty for none.
        remembers_seconds: how long squeue still shows a job that has ended.
    """

    partitions: dict[str, Partition]
    keeps_accounts: bool = False
    wants_account: bool = False
    accounts: tuple[str, ...] = ()
    default_account: str = ""
    remembers_seconds: int = 300


def ask_cluster() -> Cluster:
    """Ask the Slurm of this machine.

    Raises:
        ClusterError: there is none, or its controller does not answer.
    """
    if not shutil.which("sbatch"):
        raise ClusterError(
            "Slurm must be installed on this machine to run with --profile profiles/slurm, got no "
            "command sbatch: start on a login node of your cluster, or compute here with --cores"
        )
    partitions = parse_partitions(_answer("sinfo", "-h", "-N", "-o", "%R|%G|%c|%m|%l|%a"))
    config = parse_config(_answer("scontrol", "show", "config"))
    kept = config.get("AccountingStorageType", _NO_ACCOUNTS) != _NO_ACCOUNTS
    enforced = config.get("AccountingStorageEnforce", "none").lower() not in ("none", "")
    accounts, default = "", ""
    if kept:
        user = getpass.getuser()
        accounts = _answer("sacctmgr", "-nP", "show", "assoc", f"user={user}", "format=account")
        default = _answer("sacctmgr", "-nP", "show", "user", user, "format=defaultaccount")
    return Cluster(
        partitions,
        kept,
        enforced,
        tuple(sorted(set(accounts.split()))),
        default.strip(),
        _leading_number(config.get("MinJobAge", "300")),
    )


def _leading_number(text: str) -> int:
    """Of ``300 sec``; 0 where there is none."""
    found = re.match(r"\d+", text)
    return int(found[0]) if found else 0


def parse_partitions(text: str) -> dict[str, Partition]:
    """Of ``sinfo -h -N -o "%R|%G|%c|%m|%l|%a"``: one line per machine and partition."""
    found: dict[str, Partition] = {}
    for line in text.splitlines():
        name, gres, threads, memory, limit, state = (word.strip() for word in line.split("|"))
        machine = Machine(count_gpus(gres), _number(threads), _number(memory))
        before = found[name].machines if name in found else ()
        found[name] = Partition((*before, machine), parse_minutes(limit), state == "up")
    return found


def count_gpus(gres: str) -> int:
    """Of a machine's resources: 6 for ``gpu:a100:4(S:0-1),gpu:t4:2,shard:8``."""
    return sum(int(n) for n in re.findall(r"(?:^|,)gpu(?::[^:,(]+)?:(\d+)", gres))


def parse_minutes(limit: str) -> int | None:
    """Of a time limit: 1530 for ``1-01:30:00``, None for ``infinite``."""
    found = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", limit)
    if not found:
        return None
    days, hours, minutes, _ = (int(part or 0) for part in found.groups())
    return (days * 24 + hours) * 60 + minutes


def parse_config(text: str) -> dict[str, str]:
    """Of ``scontrol show config``."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _number(text: str) -> int:
    return int(text.rstrip("+"))


def _answer(*words: str) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        reason = f"nothing in {_ANSWER_SECONDS} s"
    except OSError as error:
        reason = str(error)
    else:
        if not done.returncode:
            return done.stdout
        reason = " ".join(done.stderr.split())
    raise ClusterError(
        f"Slurm must answer {' '.join(words)!r}, got {reason}: is its controller running?"
    )
