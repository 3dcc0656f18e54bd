"""What is shipped, in real environments of its few packages, made anew from the index."""

import os
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from erde.deployment.program import PROGRAM_FILES
from erde_torch.export.folder import write_deployment
from erde_torch.export.manifest import deployment_manifest
from erde_torch.networks.staged import StagedNetwork
from tests.erde_torch.deployable import card_of, evaluated, exit_logits, random_network

REPOSITORY = Path(__file__).parents[2]
OLDEST = "1.19.0"  # the first ONNX Runtime that works with NumPy 2; pyproject.toml says the same
INSTALLED = metadata.version("onnxruntime")
# Nothing of what erde has beside the deployment's packages.
ABSENT = ("torch", "h5py", "pydantic", "onnx", "matplotlib", "snakemake", "yaml")


def extra(name):
    """What pyproject.toml asks for by that name."""
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]["optional-dependencies"][name]


def environment(folder, *packages):
    """An interpreter that has ``packages``, and of what these ask for all but h5py."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", "--no-compile", *packages]
    done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no package index at hand: {done.stderr.strip().splitlines()[-1]}")
    return folder / "bin/python"


@pytest.fixture(scope="module", params=[OLDEST, INSTALLED])
def python(request, tmp_path_factory):
    numpy = f"numpy=={metadata.version('numpy')}"
    return environment(tmp_path_factory.mktemp("bare"), numpy, f"onnxruntime=={request.param}")


@pytest.fixture(scope="module")
def case():
    pixels = np.random.default_rng(0).integers(0, 256, (150, 16, 16, 3))
    return evaluated(random_network(), pixels)


@pytest.fixture(scope="module")
def deployment(case, tmp_path_factory):
    # A dot in the path once made Python look for its modules in a package.
    folder = tmp_path_factory.mktemp("deployment") / "erde-entropy_weight-0.3-seed0"
    manifest = deployment_manifest(card_of(case), exit_logits(case), 10**6, "tests", "x")
    write_deployment(folder, case.network, manifest, PROGRAM_FILES)
    return folder


def found_modules(python, names):
    code = f"import importlib.util as u; print([n for n in {names} if u.find_spec(n)])"
    return subprocess.run([python, "-I", "-c", code], capture_output=True, text=True).stdout.strip()


def test_the_answers_are_those_of_pytorch(python, case, deployment, tmp_path):
    assert found_modules(python, (*ABSENT, "PIL", "erde_core", "erde_torch", "erde")) == "[]"
    np.save(tmp_path / "images.npy", case.pixels)
    command = [python, "-I", deployment / "run.py", tmp_path / "images.npy", "--theta", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected = StagedNetwork(case.network).predict(case.images, 1.0)
    rows = [row.split(",") for row in done.stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == [f"class {c}" for c in expected.label.tolist()]
    assert [int(row[2]) for row in rows] == expected.exit.tolist()
    probabilities = [float(row[1]) for row in rows]
    np.testing.assert_allclose(probabilities, expected.probability, atol=1e-4)


def test_the_oldest_runtime_is_the_one_that_is_asked_for():
    for name in ("export", "deploy"):
        assert [line for line in extra(name) if "onnxruntime" in line] == ["onnxruntime>=1.19"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, REPOSITORY]
    done = subprocess.run(build, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no wheel can be built: {done.stderr.strip().splitlines()[-1]}")
    return next(folder.glob("erde-*.whl"))


@pytest.fixture(scope="module")
def erde(wheel, tmp_path_factory):
    """The command of the built wheel, in an environment of the extra ``deploy`` without h5py."""
    folder = tmp_path_factory.mktemp("deploy")
    python = environment(folder / "venv", *extra("deploy"), "numpy>=2.0")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True)
    assert found_modules(python, ABSENT) == "[]"
    home = folder / "home"
    home.mkdir()

    def run(*arguments):
        command = [folder / "venv/bin/erde", *map(str, arguments)]
        env = {"HOME": str(home), "PATH": os.environ["PATH"]}
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env)
        assert list(home.iterdir()) == []
        return done

    return run


def test_the_wheel_predicts_and_evaluates_with_the_extra_deploy_alone(
    erde, case, deployment, tmp_path
):
    expected = StagedNetwork(case.network).predict(case.images, 1.0)
    labels = exit_logits(case).val.labels
    for n, (pixels, label) in enumerate(zip(case.pixels, labels, strict=True)):
        path = tmp_path / f"class {label}" / f"{n:03}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
    done = erde("predict", deployment, tmp_path, "--theta", "1")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [row.split(",") for row in done.stdout.splitlines()[1:]]
    found = {int(Path(row[0]).stem): (row[1], int(row[3])) for row in rows}
    assert found == {
        n: (f"class {label}", e)
        for n, (label, e) in enumerate(
            zip(expected.label.tolist(), expected.exit.tolist(), strict=True)
        )
    }
    done = erde("evaluate", deployment, tmp_path, "--theta", "1")
    assert (done.returncode, done.stderr) == (0, "")
    right = (expected.label.numpy() == labels).mean()
    assert f"accuracy: {100 * right:.2f} %" in done.stdout


def test_without_the_extra_workflow_the_other_commands_name_it(erde):
    done = erde("schema")
    wanted = "erde: error: erde schema: needs pydantic: pip install 'erde[workflow]'\n"
    assert (done.returncode, done.stderr) == (2, wanted)


EVERYTHING = """
import importlib, pkgutil
for name in ("experiment", "datasets", "evaluation", "pictures", "report", "commands"):
    package = importlib.import_module(f"erde.{name}")
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
print("fine")
"""


def test_with_the_extra_workflow_alone_all_but_training_and_answering_is_there(wheel, tmp_path):
    python = environment(tmp_path / "venv", *extra("workflow"), f"{wheel}")
    assert found_modules(python, ("torch", "torchvision", "onnx", "onnxruntime")) == "[]"
    done = subprocess.run([python, "-I", "-c", EVERYTHING], capture_output=True, text=True)
    assert done.stdout == "fine\n", done.stderr

    def run(*arguments):
        command = [tmp_path / "venv/bin/erde", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    shipped = REPOSITORY / "workflow/experiments/cifar100.yaml"
    assert "a valid experiment" in run("check", shipped).stdout
    for name in ("timm/resnet18", "resnet10"):
        text = shipped.read_text(encoding="utf-8").replace("{name: resnet34}", f"{{name: {name}}}")
        (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
        said = run("check", "mine.yaml").stderr
        assert ("must be asked of torch, which is not installed here" in said) == ("/" in name)
    Image.new("RGB", (8, 8)).save(tmp_path / "image.png")
    (tmp_path / "x").mkdir()
    (tmp_path / "x/manifest.json").touch()
    done = run("predict", "x", "image.png")
    wanted = "erde: error: erde predict: needs onnxruntime: pip install 'erde[deploy]'\n"
    assert (done.returncode, done.stderr) == (2, wanted)
