"""Fixtures of the whole test suite."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

# Where the tests run under nohup, a closed terminal would be ignored by all that they start.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def cifar100_mini():
    """A folder data set of real CIFAR-100 images; the test is skipped where there is none."""
    root = Path(__file__).resolve().parents[1]
    named = os.environ.get("ERDE_CIFAR100_MINI")
    beside = [p.joinpath("shared", "data", "cifar100-mini") for p in (root, root.parent)]
    for folder in [Path(named)] if named else beside:
        if (folder / "train").is_dir():
            return folder
    pytest.skip("no CIFAR-100 images here: name their folder in ERDE_CIFAR100_MINI")


@pytest.fixture(scope="session")
def tiny_dataset():
    """See :func:`tests.images.pattern_dataset`."""
    from tests.images import pattern_dataset

    return pattern_dataset()


@pytest.fixture
def small_disk(tmp_path):
    """Mounts a file system of its own: ``small_disk(size=65536)`` or ``small_disk(ro=True)``."""
    mounted = []

    def mount(size=1 << 20, ro=False):
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        options = f"size={size}" + (",ro" if ro else "")
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("mounting a tmpfs needs root")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)
