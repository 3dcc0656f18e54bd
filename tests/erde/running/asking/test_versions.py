"""A library's version, whatever it is called where it is imported."""

from importlib import metadata

import pytest

from erde.running.asking import versions
from erde.running.asking.versions import installed_version


def test_pillow_is_imported_by_another_name():
    """It decides pixels: a data set must be made anew by another version."""
    assert installed_version("pillow") == metadata.version("pillow") is not None


def test_what_is_missing_has_none():
    assert installed_version("erde_has_no_such_library") is None


@pytest.mark.parametrize("brought", [{"numpy": ["numpy-of-a-vendor"]}, {}])
def test_a_distribution_of_another_name_brings_it(monkeypatch, brought):
    """As onnxruntime-gpu brings onnxruntime."""

    def version(name):
        if name == "numpy":
            raise metadata.PackageNotFoundError(name)
        return f"version of {name}"

    monkeypatch.setattr(versions.metadata, "version", version)
    monkeypatch.setattr(versions.metadata, "packages_distributions", lambda: brought)
    assert installed_version("numpy") == ("version of numpy-of-a-vendor" if brought else None)
