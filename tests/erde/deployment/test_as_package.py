"""A deployment that lies in somebody's package uses its own files, whatever is installed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from erde.deployment.runner import Runner

OURS = ("erde", "erde_core", "erde_torch")
# The path of this process, so that the packages of ours are found, or the plain one of the
# interpreter with ours blocked.
USE = """
import json, sys
ours, blocked, path = json.loads(sys.argv[1])
sys.path[:0] = path
sys.modules.update(dict.fromkeys(ours if blocked else ()))
import numpy as np
from mypkg.net import run
from mypkg.net.manifest import read_deployment
from mypkg.net.watch import Watch
runner = run.Runner("mypkg/net")
assert read_deployment("mypkg/net")[0] == runner.manifest
Watch(runner.manifest)
found = runner.predict(np.load("images.npy"), 1.0)
carried = [run.manifest.__file__, run.cells.__file__, run.image_reader.__file__]
loaded = [name for name, module in sys.modules.items() if module and name.split(".")[0] in ours]
print(json.dumps([[part.tolist() for part in found], carried, loaded]))
"""


@pytest.fixture
def package(exported, deployable, tmp_path):
    shutil.copytree(exported, tmp_path / "mypkg/net")
    np.save(tmp_path / "images.npy", deployable.pixels[:5])
    return tmp_path


def used(package, *, blocked):
    path = [str(Path(__file__).parents[3]), str(package)]
    asked = json.dumps([OURS, blocked, path])
    command = [sys.executable, "-c", USE, asked]
    return subprocess.run(command, cwd=package, capture_output=True, text=True)


@pytest.mark.parametrize("blocked", [True, False], ids=["erde missing", "erde there"])
@pytest.mark.parametrize("named", [True, False], ids=["with __init__.py", "a folder alone"])
def test_its_own_files_are_used(package, exported, deployable, blocked, named):
    if named:
        for folder in ("mypkg", "mypkg/net"):
            (package / folder / "__init__.py").touch()
    done = used(package, blocked=blocked)
    assert done.returncode == 0, done.stderr
    answers, carried, loaded = json.loads(done.stdout)
    expected = Runner(exported).predict(deployable.pixels[:5], 1.0)
    for mine, its in zip(answers, expected, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-6)
    assert {Path(file).resolve().parent for file in carried} == {package / "mypkg/net"}
    assert loaded == []


@pytest.mark.parametrize("blocked", [True, False], ids=["erde missing", "erde there"])
def test_its_own_rules_hold(package, blocked):
    """Those that were sealed with it, not those of an erde that is newer or older."""
    rules = package / "mypkg/net/manifest_rules.py"
    text = rules.read_text()
    changed = text.replace('"null or a whole number >= 1"', '"an own rule"')
    changed = changed.replace("lambda v, _: v is None or _count(v, 1)", "lambda v, _: False")
    assert changed != text
    rules.write_text(changed)
    done = used(package, blocked=blocked)
    assert "manifest.json: teacher_macs must be an own rule, got" in done.stderr
