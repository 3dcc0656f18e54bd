"""Another Pillow than that of training is said where images are read from files, in one line."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from erde_core.store.manifest import sealed

PIL = pytest.importorskip("PIL")


@pytest.fixture(params=["1.0.0", PIL.__version__, None])
def folder(request, exported, deployable, tmp_path):
    """A deployment whose training images were read by a Pillow of some version, and an image."""
    from PIL import Image

    shipped = shutil.copytree(exported, tmp_path / "shipped")
    path = shipped / "manifest.json"
    fields = json.loads(path.read_text(encoding="utf-8"))
    fields["versions"] |= {"pillow": request.param} if request.param else {}
    path.write_text(json.dumps(sealed(fields)), encoding="utf-8")
    (tmp_path / "images/class 1").mkdir(parents=True)
    for n in range(2):
        Image.fromarray(deployable.pixels[n]).save(tmp_path / f"images/class 1/{n}.png")
    np.save(tmp_path / "images.npy", deployable.pixels[:2])
    told = f"Pillow {PIL.__version__} reads the images here, Pillow 1.0.0 read those of training"
    return tmp_path, told if request.param == "1.0.0" else None


def said(*command):
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


def test_the_shipped_program_says_it_of_an_image_alone(folder):
    root, told = folder
    run = (root / "shipped/run.py", "--theta", "1")
    lines = said(*run, root / "images/class 1/0.png")
    assert len(lines) == bool(told)
    assert not told or lines[0].startswith(f"run.py: warning: {told}")
    assert said(*run, root / "images.npy") == []


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_the_commands_say_it_once(folder, command):
    root, told = folder
    lines = said("-m", "erde.cli", command, root / "shipped", root / "images", "--theta", "1")
    assert len(lines) == bool(told)
    assert not told or lines[0].startswith(f"erde: warning: {told}")
