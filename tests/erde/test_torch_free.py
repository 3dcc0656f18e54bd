"""Tables, pictures and report need no torch: each module is imported where none may be loaded."""

import pkgutil
import subprocess
import sys

import pytest

import erde.evaluation
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
