"""Tables, pictures and report need no torch: each module is imported where none may be loaded."""

import pkgutil
import subprocess
import sys

import pytest

import erde.datasets
import erde.evaluation
import erde.experiment
import erde.pictures
import erde.report

CODE = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print([name for name in sys.modules if name.split(".")[0] in ("torch", "torchvision", "timm")])
"""


@pytest.mark.parametrize("package", [erde.evaluation, erde.pictures, erde.report])
def test_no_module_loads_torch(package):
    found = pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    names = [package.__name__, *(module.name for module in found)]
    assert len(names) > 4
    command = [sys.executable, "-c", CODE, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


WITHOUT = """
import importlib, sys


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "timm", "safetensors", "onnx"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())
for name in sys.argv[1:]:
    importlib.import_module(name)
print("fine")
"""


def test_without_torch_installed_everything_but_running_is_there():
    packages = [erde.evaluation, erde.pictures, erde.report, erde.experiment, erde.datasets]
    names = [package.__name__ for package in packages] + ["erde.cli", "erde.deployment"]
    for package in packages:
        found = pkgutil.walk_packages(package.__path__, package.__name__ + ".")
        names += [module.name for module in found]
    command = [sys.executable, "-c", WITHOUT, *names]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "fine\n", done.stderr
