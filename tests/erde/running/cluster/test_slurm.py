import pytest

from erde.running.cluster import slurm
from erde.running.cluster.slurm import (
    ClusterError,
    Machine,
    ask_cluster,
    count_gpus,
    parse_config,
    parse_minutes,
    parse_partitions,
)

SINFO = """\
cpu|(null)|64|257000|3-00:00:00|up
gpu|gpu:a100:4(S:0-1)|32|515000+|1-00:00:00|up
gpu|gpu:v100:2|40|190000|1-00:00:00|up
old|(null)|8|32000|infinite|down
"""


def test_partitions():
    found = parse_partitions(SINFO)
    assert list(found) == ["cpu", "gpu", "old"]
    assert found["gpu"].machines == (Machine(4, 32, 515000), Machine(2, 40, 190000))
    assert found["gpu"].minutes == 1440
    assert (found["old"].minutes, found["old"].open, found["cpu"].open) == (None, False, True)


@pytest.mark.parametrize(
    ("gres", "count"),
    [
        ("(null)", 0),
        ("gpu:2", 2),
        ("gpu:a100:4(S:0-1)", 4),
        ("gpu:a100:4(S:0,2),gpu:t4:2,shard:8", 6),
        ("craynetwork:4,gpu:h100:8", 8),
        ("shard:gpu:8", 0),
    ],
)
def test_gpus_of_a_machine(gres, count):
    assert count_gpus(gres) == count


@pytest.mark.parametrize(
    ("limit", "minutes"),
    [
        ("30:00", 30),
        ("2:00:00", 120),
        ("1-01:30:00", 1530),
        ("infinite", None),
        ("n/a", None),
        ("0:59", 0),
    ],
)
def test_time_limits(limit, minutes):
    assert parse_minutes(limit) == minutes


def test_config():
    text = "Configuration data as of now\nMinJobAge               = 300 sec\nX = a=b\n"
    assert parse_config(text) == {"MinJobAge": "300 sec", "X": "a=b"}


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """Programs that answer as Slurm's would; returns how to give one."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def command(name, answer, code=0):
        path = tmp_path / name
        stream = " >&2" if code else ""
        path.write_text(f"#!/bin/sh\ncat <<'END'{stream}\n{answer}\nEND\nexit {code}\n")
        path.chmod(0o755)

    command("sbatch", "")
    command("sinfo", SINFO.strip())
    command("scontrol", "MinJobAge = 60 sec\nAccountingStorageType = accounting_storage/none")
    return command


def test_a_cluster_without_accounting(commands):
    commands("sacctmgr", "You are not running a supported accounting_storage plugin", 1)
    found = ask_cluster()
    assert (found.keeps_accounts, found.wants_account, found.accounts) == (False, False, ())
    assert found.remembers_seconds == 60


def test_a_cluster_that_charges(commands):
    commands(
        "scontrol",
        "AccountingStorageType = accounting_storage/slurmdbd\n"
        "AccountingStorageEnforce = associations,limits\nMinJobAge = 300 sec",
    )
    commands("sacctmgr", "physics\nchemistry\nphysics")
    found = ask_cluster()
    assert (found.keeps_accounts, found.wants_account) == (True, True)
    assert found.accounts == ("chemistry", "physics")


def test_a_machine_without_slurm(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterError, match="got no command sbatch: start on a login node"):
        ask_cluster()


def test_a_controller_that_is_away(commands, monkeypatch):
    commands("sinfo", "slurm_load_partitions: Unable to\n contact slurm controller", 1)
    with pytest.raises(ClusterError, match="got slurm_load_partitions: Unable to contact"):
        ask_cluster()
    monkeypatch.setattr(slurm, "_ANSWER_SECONDS", 0.2)
    with pytest.raises(ClusterError, match=r"got nothing in 0\.2 s: is its controller running"):
        slurm._answer("sleep", "10")
