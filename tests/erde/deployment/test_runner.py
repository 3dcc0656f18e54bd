"""The shipped runner gives the network's answers, alone, in threads, and refuses bad folders."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from erde.cli import main
from erde.deployment.runner import Runner
from erde_core.store.manifest import sealed
from erde_torch.networks.staged import StagedNetwork


@pytest.fixture(scope="module")
def runner(exported):
    return Runner(exported)


@pytest.fixture
def copied(exported, tmp_path):
    # A dot in the path once made Python look for its modules in a package.
    return shutil.copytree(exported, tmp_path / "erde-entropy_weight-0.3-seed0")


def edit_manifest(folder, **changes):
    """Change fields and seal them anew: what a faulty exporter might write."""
    path = folder / "manifest.json"
    path.write_text(json.dumps(sealed(json.loads(path.read_text()) | changes)))


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


def run_py(folder, image, *options):
    command = [sys.executable, folder / "run.py", image, *options]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("deep.png", "must be an 8-bit grey or RGB image, got mode 'I;16'"),
        ("clear.png", "must not be transparent, got a pixel of alpha 0"),
        ("print.jpg", "got mode 'CMYK'"),
        ("moving.png", "must be one image, got an animation"),
        ("grey.png", "must be colour like the other images, got a grey one"),
        ("large.png", "must be 16 x 16 pixels"),
        ("pipe.png", "must be a regular file"),
    ],
)
def test_run_py_refuses_the_images_that_erde_predict_refuses(copied, tmp_path, capsys, name, words):
    image = pytest.importorskip("PIL.Image")
    modes = {"deep.png": "I;16", "clear.png": "RGBA", "print.jpg": "CMYK", "grey.png": "L"}
    if name == "pipe.png":
        os.mkfifo(tmp_path / name)
    else:
        size = (17, 16) if name == "large.png" else (16, 16)
        frames = [image.new("RGB", size, "red")] if name == "moving.png" else []
        options = {"save_all": True, "append_images": frames} if frames else {}
        image.new(modes.get(name, "RGB"), size).save(tmp_path / name, **options)
    done = run_py(copied, tmp_path / name, "--theta", "1")
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    with pytest.raises(SystemExit) as stopped:
        main(["predict", str(copied), str(tmp_path / name), "--theta", "1"])
    assert stopped.value.code == 2  # nothing was done
    error = capsys.readouterr().err.splitlines()[0]
    assert error.removeprefix("erde: ") == done.stderr.strip().removeprefix("run.py: ")


def test_run_py_quotes_and_guards_class_names(copied, deployable, tmp_path):
    names = ["=1+1", *(f'a, "b"\n{c}' for c in range(1, 10))]
    edit_manifest(copied, class_names=names)
    np.save(tmp_path / "images.npy", deployable.pixels)
    done = run_py(copied, tmp_path / "images.npy", "--theta", "1")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    label = Runner(copied).predict(deployable.pixels, 1.0)[0]
    assert 0 in label
    assert [row["class"] for row in rows] == [["'=1+1", *names[1:]][c] for c in label]


def test_run_py_ends_quietly_when_nobody_reads_on(copied, deployable, tmp_path):
    np.save(tmp_path / "images.npy", np.tile(deployable.pixels, (40, 1, 1, 1)))
    shell = f"{sys.executable} {copied}/run.py {tmp_path}/images.npy --theta 4 | head -1; "
    script = f"set -o pipefail; {shell} echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.stdout == "class,probability,exit,macs\n141\n"
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("images.npy", None, "No such file or directory"),
        ("images.npy", np.zeros((2, 7, 7, 3), np.uint8), "images must be uint8 (N, *["),
        ("images.npy", np.zeros((0, 16, 16, 3), np.uint8), "images must be uint8 (N, *["),
        ("images.npy", np.uint8(3), "images must be uint8 (N, *["),
        ("images.npy", np.array([None]), "Python objects"),
        ("images.npy", b"\x93NUMPY", "EOF"),
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
    certificate = {"harmed": 0, "units": 400, "epsilon": 0.01, "delta": 0.05}
    edit_manifest(copied, certified_theta=1.0, certificate=certificate)
    runner = Runner(copied)
    np.testing.assert_array_equal(
        runner.predict(deployable.pixels)[2], runner.predict(deployable.pixels, 1.0)[2]
    )


@pytest.mark.parametrize("count", [1, 2])
def test_the_certified_threshold_may_be_a_whole_number(copied, deployable, count):
    certificate = {"harmed": 0, "units": 400, "epsilon": 0.01, "delta": 0.05}
    edit_manifest(copied, certified_theta=1, certificate=certificate)
    runner = Runner(copied)
    given = runner.predict(deployable.pixels[:count], 1.0)
    for mine, its in zip(runner.predict(deployable.pixels[:count]), given, strict=True):
        np.testing.assert_array_equal(mine, its)


def test_a_changed_file_is_refused(copied):
    with open(copied / "stage2.onnx", "ab") as file:
        file.write(b"x")
    with pytest.raises(
        ValueError, match=r"stage2.onnx: SHA-256 must be [0-9a-f]{64}, got [0-9a-f]"
    ):
        Runner(copied)


def test_a_newer_manifest_is_refused(copied):
    manifest = json.loads((copied / "manifest.json").read_text())
    (copied / "manifest.json").write_text(json.dumps(manifest | {"version": 3}))
    with pytest.raises(ValueError, match=r"manifest.json: version must be 1 … 2, got 3"):
        Runner(copied)


def test_answers_that_are_not_finite_are_refused(copied, deployable):
    edit_manifest(copied, mean=[1e30, 0.4, 0.6], std=[1e-9, 0.3, 0.2])
    runner = Runner(copied)
    for count in (1, 2):
        with pytest.raises(ValueError, match="logits must be finite, got others for image"):
            runner.predict(deployable.pixels[:count], 0.0)


@pytest.mark.parametrize("threads", [0, -1, 5000])
def test_threads_out_of_range(exported, threads):
    with pytest.raises(ValueError, match=rf"threads must lie in 1 … \d+, got {threads}"):
        Runner(exported, threads)


def test_the_shipped_program_is_run_from_its_own_folder(copied, deployable, tmp_path):
    # Other modules of these names lie on the path, and another deployment is loaded already.
    for name in ("cells", "manifest", "manifest_rules", "image_reader", "pillow_version", "watch"):
        (tmp_path / f"{name}.py").write_text("1 / 0")
    np.save(tmp_path / "images.npy", deployable.pixels[:2])
    code = (
        "import runpy, sys; sys.path.insert(0, '.'); sys.argv = sys.argv[1:]; "
        "from importlib.util import spec_from_file_location as s, module_from_spec as m; "
        "spec = s('run', sys.argv[0]); run = m(spec); spec.loader.exec_module(run); "
        "fields = run.Runner(sys.argv[1]).manifest; "
        "print(run.manifest.__file__, fields['network'], len(fields['operating_points']) > 50)"
    )
    command = [sys.executable, "-c", code, copied / "run.py", copied]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == f"{copied}/manifest.py erde-seed0 True\n", done.stderr


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
