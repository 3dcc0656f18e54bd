"""The shipped runner in a real environment of its two packages, made anew from the index."""

import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest

from erde.deployment.program import PROGRAM_FILES
from erde_torch.export.folder import write_deployment
from erde_torch.export.manifest import deployment_manifest
from erde_torch.networks.staged import StagedNetwork
from tests.erde_torch.deployable import card_of, evaluated, exit_logits, random_network

PACKAGES = ("numpy", "onnxruntime")


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """An interpreter that has numpy, onnxruntime, and what these two ask for."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    wanted = [f"{name}=={metadata.version(name)}" for name in PACKAGES]
    pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", *wanted]
    done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no package index at hand: {done.stderr.strip().splitlines()[-1]}")
    return folder / "bin/python"


def test_the_answers_are_those_of_pytorch(python, tmp_path):
    case = evaluated(random_network(), np.random.default_rng(0).integers(0, 256, (150, 16, 16, 3)))
    manifest = deployment_manifest(card_of(case), exit_logits(case), 10**6, "tests", "x")
    write_deployment(tmp_path / "x", case.network, manifest, PROGRAM_FILES)
    without = "import importlib.util as u; print([n for n in ('torch', 'onnx', 'h5py', 'PIL', \
'erde_core', 'erde_torch', 'erde') if u.find_spec(n)])"
    found = subprocess.run([python, "-I", "-c", without], capture_output=True, text=True)
    assert found.stdout == "[]\n"
    np.save(tmp_path / "images.npy", case.pixels)
    command = [python, "-I", tmp_path / "x" / "run.py", tmp_path / "images.npy", "--theta", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected = StagedNetwork(case.network).predict(case.images, 1.0)
    rows = [row.split(",") for row in done.stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == [f"class {c}" for c in expected.label.tolist()]
    assert [int(row[2]) for row in rows] == expected.exit.tolist()
    probabilities = [float(row[1]) for row in rows]
    np.testing.assert_allclose(probabilities, expected.probability, atol=1e-4)
