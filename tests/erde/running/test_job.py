import json
import re

import numpy as np
import pytest

from erde.datasets.image_file import ImageError
from erde.running.job import running
from erde_core.errors import ErdeError
from erde_core.store.manifest import ManifestError
from erde_core.store.tables import read_table
from erde_torch.training.optimisation.losses import NonFiniteLossError

LINE = re.compile(r"\d\d:\d\d:\d\d \[digits · data\] ")


@pytest.fixture
def job(tmp_path, capsys):
    """Runs ``body`` as a job; gives (exit code, log, terminal)."""

    def run(body):
        log, code = tmp_path / "job.log", None
        try:
            with running("digits · data", str(log)) as say:
                body(say)
        except SystemExit as end:
            code = end.code
        return code, log.read_text(encoding="utf-8"), capsys.readouterr().err

    return run


def raising(error):
    def body(say):
        raise error

    return body


def test_lines_go_to_terminal_and_log_with_time_and_name(job):
    code, log, terminal = job(lambda say: say("3 classes"))
    assert code is None
    assert log == terminal
    lines = log.splitlines()
    assert all(LINE.match(line) for line in lines)
    assert lines[0].endswith("] 3 classes")
    assert re.search(r"\] done in \d+\.\d s$", lines[1])
    assert len(lines) == 2


def test_lines_are_in_the_log_at_once(tmp_path):
    with running("digits · data", str(tmp_path / "job.log")) as say:
        say("working")
        assert "working" in (tmp_path / "job.log").read_text(encoding="utf-8")


def test_an_error_of_ours_is_one_sentence(job, tmp_path):
    code, log, terminal = job(lambda say: read_table(tmp_path / "absent.csv"))
    assert code == 1
    assert log == terminal
    assert log.endswith(f"error: {tmp_path / 'absent.csv'}: no such table\n")
    assert log.count("\n") == 1


@pytest.mark.parametrize("kind", [ErdeError, ImageError, ManifestError, NonFiniteLossError])
def test_every_error_that_speaks_to_the_user_is_one_sentence(job, kind):
    code, log, terminal = job(raising(kind("images must be of one size, got 2")))
    assert code == 1
    assert log == terminal
    assert log.endswith("] error: images must be of one size, got 2\n")
    assert log.count("\n") == 1


def test_an_error_of_the_operating_system_is_one_sentence(job, tmp_path):
    code, log, terminal = job(lambda say: (tmp_path / "absent" / "file").touch())
    assert code == 1
    assert log == terminal
    assert "Traceback" not in log
    assert "No such file" in log


def test_any_other_error_leaves_its_traceback_in_the_log_alone(job):
    mistakes = [
        lambda say: np.zeros(3) @ np.zeros(4),
        lambda say: {}["mean"],
        lambda say: json.loads("{"),  # raised on purpose, but not by us
        raising(TypeError("raised by us, but not in words for the user")),
        raising(ValueError("a sentence")),
    ]
    for mistake in mistakes:
        code, log, terminal = job(mistake)
        assert code == 1
        assert "Traceback" in log
        assert "Traceback" not in terminal
        assert terminal.count("\n") == 1
        assert "error: " in terminal


def test_ctrl_c(job):
    code, log, _ = job(raising(KeyboardInterrupt()))
    assert code == 130
    assert log.endswith("stopped by SIGINT\n")


def test_a_job_may_end_itself(job):
    """As a training does after SIGTERM."""
    code, log, _ = job(raising(SystemExit(143)))
    assert (code, log) == (143, "")
