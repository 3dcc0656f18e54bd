"""The shipped runner gives the network's answers, alone, in threads, and refuses bad folders."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from erde.deployment.runner import Runner
from erde_torch.networks.staged import StagedNetwork


@pytest.fixture(scope="module")
def runner(exported):
    return Runner(exported)


@pytest.fixture
def copied(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "copy")


def edit_manifest(folder, **changes):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_answers_of_staged_pytorch(runner, deployable):
    expected = StagedNetwork(deployable.network).predict(deployable.images, 1.0)
    label, probability, exits = runner.predict(deployable.pixels, 1.0)
    np.testing.assert_array_equal(label, expected.label)
    np.testing.assert_array_equal(exits, expected.exit)
    np.testing.assert_allclose(probability, expected.probability, rtol=1e-4)


def test_one_image_goes_through_the_single_file(runner, deployable):
    together = runner.predict(deployable.pixels[:20], 1.0)
    alone = [runner.predict(image[None], 1.0) for image in deployable.pixels[:20]]
    for all_at_once, one_by_one in zip(together, zip(*alone, strict=True), strict=True):
        np.testing.assert_allclose(all_at_once, np.concatenate(one_by_one), rtol=1e-4)


@pytest.mark.parametrize("count", [1, 150])  # the single file, the stages
def test_two_threads_share_a_runner(runner, deployable, count):
    pixels, thresholds = deployable.pixels[:count], [0.0, 4.6] * 20
    expected = {t: runner.predict(pixels, t) for t in (0.0, 4.6)}
    assert (expected[0.0][2] != expected[4.6][2]).any()
    with ThreadPoolExecutor(2) as threads:
        found = threads.map(lambda t: runner.predict(pixels, t), thresholds)
        for threshold, answer in zip(thresholds, found, strict=True):
            for mine, its in zip(answer, expected[threshold], strict=True):
                np.testing.assert_array_equal(mine, its)


def test_run_py_needs_only_numpy_and_onnxruntime(copied, runner, deployable, tmp_path):
    # -S and -P: nothing but the two packages' folder on the path; others there are blocked.
    np.save(tmp_path / "images.npy", deployable.pixels)
    blocked = "import sys; sys.modules.update(dict.fromkeys(('torch', 'onnx', 'h5py', 'erde_core', \
'erde_torch', 'PIL'))); import runpy; sys.argv = sys.argv[1:]; \
runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, "-c", blocked, copied / "run.py", tmp_path / "images.npy"]
    done = subprocess.run([*command, "--theta", "1"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head == "class,probability,exit,macs"
    label, _, exits = runner.predict(deployable.pixels, 1.0)
    found = [(row.split(",")[0], *map(int, row.split(",")[2:])) for row in rows]
    assert found == [
        (f"class {c}", e, deployable.macs[e]) for c, e in zip(label, exits, strict=True)
    ]


def test_run_py_reads_a_png(copied, runner, deployable, tmp_path):
    image = pytest.importorskip("PIL.Image").fromarray(deployable.pixels[0])
    image.save(tmp_path / "image.png")
    command = [sys.executable, copied / "run.py", tmp_path / "image.png", "--theta", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    label = runner.predict(deployable.pixels[:1], 1.0)[0][0]
    assert done.stdout.splitlines()[1].startswith(f"class {label},")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("images.npy", None, "No such file or directory"),
        ("images.npy", np.zeros((2, 7, 7, 3), np.uint8), "images must be uint8 (N, *["),
        ("image.png", b"no image", "cannot identify image file"),
    ],
)
def test_run_py_says_what_is_wrong_in_one_line(copied, tmp_path, name, content, words):
    if isinstance(content, bytes):
        tmp_path.joinpath(name).write_bytes(content)
    elif content is not None:
        np.save(tmp_path / name, content)
    command = [sys.executable, copied / "run.py", tmp_path / name, "--theta", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_certified_threshold_is_the_default(copied, deployable):
    edit_manifest(copied, certified_theta=1.0)
    runner = Runner(copied)
    np.testing.assert_array_equal(
        runner.predict(deployable.pixels)[2], runner.predict(deployable.pixels, 1.0)[2]
    )


def test_a_changed_file_is_refused(copied):
    with open(copied / "stage2.onnx", "ab") as file:
        file.write(b"x")
    with pytest.raises(
        ValueError, match=r"stage2.onnx: SHA-256 must be [0-9a-f]{64}, got [0-9a-f]"
    ):
        Runner(copied)


def test_a_newer_manifest_is_refused(copied):
    edit_manifest(copied, version=2)
    with pytest.raises(ValueError, match="manifest version must be at most 1, got 2"):
        Runner(copied)


@pytest.mark.parametrize("theta", [-0.1, 4.7, float("nan"), None])
def test_theta_out_of_range(runner, deployable, theta):
    with pytest.raises(ValueError, match=r"theta must be certified or given, 0 … 4.6052, got"):
        runner.predict(deployable.pixels, theta)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 15, 16, 3), np.uint8),
        np.zeros((1, 16, 16, 1), np.uint8),
        np.zeros((16, 16, 3), np.uint8),
        np.zeros((0, 16, 16, 3), np.uint8),
        np.zeros((2, 16, 16, 3), np.float32),
    ],
)
def test_images_of_another_kind(runner, images):
    with pytest.raises(ValueError, match=r"images must be uint8 \(N, \*\[16, 16, 3\]\), got"):
        runner.predict(images, 1.0)
