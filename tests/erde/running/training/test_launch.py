"""Which of several failures is the cause, without starting anything."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

from erde.running.training.launch import TrainingProcessError, explain
from erde.running.training.worker import report
from erde_core.errors import ErdeError
from erde_torch.training.checkpoint import CheckpointError

PEER_GONE = "[gloo/transport/tcp/pair.cc:561] Connection closed by peer [127.0.0.1]:2795."


SEVEN, TORN = ErdeError("seven"), RuntimeError(PEER_GONE)


@pytest.fixture
def job(tmp_path):
    return SimpleNamespace(log=[str(tmp_path / "log")])


@pytest.fixture
def failed(tmp_path, job, monkeypatch):
    """``failed(error or exit code, …)`` by rank: what torchrun hands over when processes fail so.

    Errors happen in the order of ``order``.
    """

    def make(*ends, order=None):
        files = [tmp_path / f"error{rank}.json" for rank in range(len(ends))]
        for rank in order or range(len(ends)):
            if isinstance(ends[rank], Exception):
                monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(files[rank]))
                report(ends[rank], job)
        codes = [1 if isinstance(end, Exception) else end for end in ends]
        failures = zip(codes, files, strict=True)
        return {
            rank: ProcessFailure(rank, 100 + rank, code, str(file))
            for rank, (code, file) in enumerate(failures)
            if code
        }

    return make


CAUSES = {
    "the others lose their connection": ((TORN, SEVEN), "^seven$"),
    "an end from outside": ((TORN, -9), "must reach its end, got SIGKILL in process 2 of 2; the"),
    "the launcher ends what is stuck": ((SEVEN, -9), "^seven$"),
    "exit without a word": ((1, -15, 1), None),
    "nobody knows": ((TORN, 1), "Connection closed by peer"),
    "no reason at all": ((0, 3), "must reach its end, got exit code 3 in process 2 of 2; the"),
}


@pytest.mark.parametrize("case", CAUSES)
def test_the_cause_is_named(failed, case):
    ends, sentence = CAUSES[case]
    if sentence is None:
        with pytest.raises(SystemExit) as caught:
            explain(failed(*ends), len(ends))
        assert caught.value.code == 143
        return
    with pytest.raises(TrainingProcessError, match=sentence):
        explain(failed(*ends), len(ends))


def test_of_two_errors_the_earlier_is_the_cause(failed):
    later = ErdeError("later")
    with pytest.raises(TrainingProcessError, match="seven"):
        explain(failed(later, SEVEN, order=[1, 0]), 2)


@pytest.mark.parametrize(("codes", "code"), [((143, 143), 143), ((130, -15), 130), ((-2, 0), 130)])
def test_a_stop_that_was_asked_for_is_no_failure(failed, codes, code):
    with pytest.raises(SystemExit) as caught:
        explain(failed(*codes), 2)
    assert caught.value.code == code


def test_a_mistake_of_ours_leaves_its_traceback_in_the_log(failed, tmp_path):
    with pytest.raises(RuntimeError) as mistake:
        torch.zeros(3) @ torch.zeros(4)
    failed(mistake.value)
    assert "Traceback" in (tmp_path / "log").read_text(encoding="utf-8")


def test_an_error_in_words_or_a_lost_connection_leaves_none(failed, tmp_path):
    with pytest.raises(OSError, match="No such file") as absent:
        (tmp_path / "absent" / "file").touch()
    failed(absent.value, TORN)
    failed(SEVEN)
    assert not (tmp_path / "log").exists()


def test_an_error_of_ours_is_a_cause_whatever_words_it_has(failed):
    error = CheckpointError("connection/checkpoint.safetensors: cannot write the checkpoint")
    path = failed(error)[0].error_file
    assert json.loads(Path(path).read_text())["torn"] is False
