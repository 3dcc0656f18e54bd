"""A library that is missing is named, with what brings it."""

import tomllib
from pathlib import Path

import pytest

from erde_core.errors import EXTRAS, ErdeError, check_installed, extra_with

REPOSITORY = Path(__file__).parents[2]


def test_the_first_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(EXTRAS, "no_such_library", "export")
    check_installed("a test", ["numpy", "pytest"])
    wanted = r"^a test needs no_such_library: pip install 'erde\[export\]'$"
    with pytest.raises(ErdeError, match=wanted):
        check_installed("a test", ["numpy", "no_such_library", "nor_this"])


def test_a_library_of_no_extra_is_to_be_installed_itself():
    assert extra_with("other") == "other"
    assert extra_with("other", "workflow") == "erde[workflow]"
    assert extra_with("timm", "workflow") == "erde[timm]"


def test_every_extra_brings_what_it_is_said_to():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for library, extra in EXTRAS.items():
        brought = project["optional-dependencies"][extra]
        assert any(one.partition(">")[0] == library for one in brought)
