"""The name of an experiment is its file's: one rule in erde init, check and run."""

import os
from pathlib import Path

import pytest

from tests.erde.commands.test_commands import REPOSITORY, SHIPPED, call

NO_NAMES = ["my exp", "blüten", "-mine", ".mine", "_mine", "mine+", "m" * 201]
NO_NAME = "the name of an experiment must be at most 200 letters A-Z, digits, '_', '-' or '.'"


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_for_which_the_workflow_has_no_rule_is_refused(name, folder, monkeypatch):
    monkeypatch.setattr(os, "execv", None)
    experiments = folder.parent / "workflow/experiments"
    experiments.mkdir(parents=True)
    monkeypatch.chdir(folder.parent)
    with pytest.raises(ValueError, match=NO_NAME):
        call("init", folder, f"--output={name}.yaml")
    assert not Path(f"{name}.yaml").exists()
    file = experiments / f"{name}.yaml"
    file.write_text(SHIPPED[0].read_text("utf-8"), "utf-8")
    with pytest.raises(ValueError, match=NO_NAME) as caught:
        call("check", file)
    assert str(caught.value).startswith(f"{file}: ")
    monkeypatch.chdir(REPOSITORY)
    if not name.startswith("-"):  # which is an option
        with pytest.raises(ValueError, match=NO_NAME):
            call("run", name, "--config", f"experiments={experiments}")
    with pytest.raises(ValueError, match=NO_NAME):
        call("run", file, "--config", f"experiments={experiments}")


@pytest.mark.parametrize("name", ["../digits", "sub/digits", ""])
def test_run_takes_no_path_for_a_name(name, monkeypatch):
    monkeypatch.setattr(os, "execv", None)
    monkeypatch.chdir(REPOSITORY)
    with pytest.raises(ValueError, match=NO_NAME):
        call("run", name)


@pytest.mark.parametrize("name", ["mine.yml", "mine.YAML", "mine"])
def test_a_file_that_the_workflow_would_not_find_is_refused(name, folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    said = f"{name}: the file of an experiment must be called <name>.yaml"
    with pytest.raises(ValueError, match=said):
        call("init", folder, f"--output={name}")
    Path(name).write_text(SHIPPED[0].read_text("utf-8"), "utf-8")
    with pytest.raises(ValueError, match=said):
        call("check", name)


def test_init_shortens_the_name_of_a_folder(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    call("init", folder.rename(folder.parent / ("p" * 220)))
    assert Path(f"{'p' * 200}.yaml").exists()
