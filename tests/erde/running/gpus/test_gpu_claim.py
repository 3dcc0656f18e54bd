"""Real processes that claim pretended GPUs."""

import os
import tempfile
from contextlib import ExitStack

import pytest

from erde.running.gpus import gpu_claim
from erde.running.gpus.gpu_claim import claim_folder, claim_gpus, claim_share, visible_gpus
from tests.erde.running.started import said, started

CLAIMS = """
import sys, time
from erde.running.gpus import gpu_claim
gpu_claim.POLL_SECONDS = 0.05
names, count = sys.argv[1].split(","), int(sys.argv[2])
found = gpu_claim.claim_gpus(names, count, lambda text: print(text, flush=True))
print("claimed", *(names[position] for position in found), flush=True)
sys.stdin.read()
"""
SHARES = CLAIMS.replace("claim_gpus", "claim_share").replace("in found", "in [found]")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Neither sees nor blocks the claims of real jobs."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(gpu_claim, "_claimed", {})


def job(names, count=1):
    return started(CLAIMS, names, count)


def sharer(names, places=2):
    return started(SHARES, names, places)


def test_sharers_spread_over_the_gpus_and_fill_them():
    with ExitStack() as stack:
        jobs = [stack.enter_context(sharer("GPU-a,GPU-b")) for _ in range(2)]
        assert {said(one) for one in jobs} == {"claimed GPU-a", "claimed GPU-b"}
        jobs += [stack.enter_context(sharer("GPU-a,GPU-b")) for _ in range(2)]
        assert {said(one) for one in jobs[2:]} == {"claimed GPU-a", "claimed GPU-b"}
        with sharer("GPU-a,GPU-b") as fifth:
            wanted = "waiting: no place, of 2 on each of the 2 visible GPUs, is free"
            assert said(fifth) == wanted
            jobs[3].kill()
            assert said(fifth).startswith("claimed GPU-")


def test_who_wants_a_gpu_alone_shares_it_with_nobody():
    with ExitStack() as stack:
        first = stack.enter_context(sharer("GPU-a"))
        assert said(first) == "claimed GPU-a"
        whole = stack.enter_context(job("GPU-a"))
        assert said(whole).startswith("waiting: no 1 of the 1 visible GPUs is free")
        first.kill()
        assert said(whole) == "claimed GPU-a"
        second = stack.enter_context(sharer("GPU-a"))
        assert said(second).startswith("waiting: no place")
        whole.kill()
        assert said(second) == "claimed GPU-a"


def test_a_sharer_that_asks_again_keeps_its_place(said):
    assert claim_share(["a", "b"], 3, said.append) == 0
    assert claim_share(["a", "b"], 3, said.append) == 0
    assert sorted(path.name for path in claim_folder().iterdir()) == ["a", "a.0"]
    assert said == []


def test_jobs_side_by_side_take_one_each_and_the_next_waits():
    with ExitStack() as stack:
        jobs = [stack.enter_context(job("GPU-a,GPU-b,GPU-c")) for _ in range(3)]
        assert {said(one) for one in jobs} == {f"claimed GPU-{x}" for x in "abc"}
        with job("GPU-a,GPU-b,GPU-c") as fourth:
            assert said(fourth).startswith("waiting: no 1 of the 3 visible GPUs is free")
            jobs[1].kill()  # the kernel drops its claim
            assert said(fourth).startswith("claimed GPU-")


def test_only_visible_ones_are_claimed():
    with job("GPU-b") as first, job("GPU-a,GPU-b") as second:
        assert {said(first), said(second)} == {"claimed GPU-b", "claimed GPU-a"}


def test_the_same_place_in_two_lists_is_not_the_same_gpu():
    """As in two Slurm jobs on one machine, each of which sees its own GPU as number 0."""
    with job("GPU-a") as first, job("GPU-b") as second:
        assert {said(first), said(second)} == {"claimed GPU-a", "claimed GPU-b"}


def test_a_job_of_two_takes_both_or_none():
    with job("GPU-a,GPU-b") as one:
        (mine,) = said(one).split()[1:]
        (other,) = {"GPU-a", "GPU-b"} - {mine}
        with job("GPU-a,GPU-b", 2) as two:
            assert "waiting: " in said(two)
            with job(other) as third:  # what the waiter cannot use, it does not keep
                assert said(third) == f"claimed {other}"
            one.kill()
            assert said(two) == "claimed GPU-a GPU-b"


def test_a_second_claim_of_a_process_keeps_the_first(said):
    assert claim_gpus(["a", "b", "c"], 1, said.append) == [0]
    assert claim_gpus(["a", "b", "c"], 1, said.append) == [0]
    assert claim_gpus(["a", "b", "c"], 2, said.append) == [0, 1]
    assert said == []


def test_more_than_there_are_is_refused(said):
    with pytest.raises(ValueError, match="at most the 2 visible, got 3"):
        claim_gpus(["a", "b"], 3, said.append)


def test_a_folder_of_somebody_else_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 4321)
    with pytest.raises(OSError, match="must belong to user 4321"):
        claim_folder()


def test_any_name_becomes_a_file_in_the_folder(tmp_path, said):
    claim_gpus(["MIG-GPU-1/../2/0"], 1, said.append)
    assert [path.name for path in claim_folder().iterdir()] == ["MIG-GPU-1____2_0"]


@pytest.mark.parametrize(
    ("listed", "count"),
    [
        ("0", 1),
        ("GPU-a,GPU-b", 2),
        ("3, 5,", 2),
        ("", 0),
        ("MIG-x", 1),
        ("MIG-x,MIG-y,MIG-z", 1),
        ("-1", 0),
        ("0,-1,1", 1),
        ("NoDevFiles", 0),
        ("none", 0),
        ("1,,2", 1),
    ],
)
def test_the_visible_ones_are_counted_as_listed(monkeypatch, listed, count):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    assert visible_gpus() == count


def test_without_a_list_nvidia_smi_is_asked(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus() == 0
    smi = tmp_path / "nvidia-smi"
    smi.write_text('#!/bin/sh\necho "GPU 0: H100 (UUID: a)"\necho "  MIG 1g"\necho "GPU 1: H100"\n')
    smi.chmod(0o755)
    assert visible_gpus() == 2
    for listed, count in (("0,1", 2), ("1,2,0", 1), ("5", 0)):  # there is no GPU 2
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
        assert visible_gpus() == count


def test_a_link_that_lies_in_the_temporary_folder_is_not_followed(tmp_path):
    """Everybody may put one there: claims would then be files in a folder of this user's."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"erde-gpus-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="must be a folder, got lrwxrwxrwx"):
        claim_folder()
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_link_in_place_of_a_claim_is_not_followed(tmp_path, said):
    victim = tmp_path / "victim"
    (claim_folder() / "GPU-a").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        claim_gpus(["GPU-a"], 1, said.append)
    assert not victim.exists()


def test_a_folder_that_others_may_write_to_is_refused():
    claim_folder().chmod(0o777)
    with pytest.raises(OSError, match="must be writable for its owner alone, got drwxrwxrwx"):
        claim_folder()
