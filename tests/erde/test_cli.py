"""``erde predict``: the runner's answers, and one sentence for everything that is wrong."""

import csv
import json
import shutil

import numpy as np
import pytest

from erde.cli import main
from erde.deployment.runner import Runner

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(deployable, tmp_path):
    """70 images: more than one batch."""
    path = tmp_path / "images"
    path.mkdir()
    for n, pixels in enumerate(deployable.pixels[:70]):
        Image.fromarray(pixels).save(path / f"{n:03}.png")
    return path


@pytest.fixture
def erde(exported, capsys):
    """``erde("predict", …)`` gives exit code, rows and lines of standard error."""

    def run(*arguments, model=exported):
        with pytest.raises(SystemExit) as stopped:
            main(["predict", str(model), *map(str, arguments)])
        output = capsys.readouterr()
        return stopped.value.code, list(csv.DictReader(output.out.splitlines())), output.err

    return run


def test_answers_of_the_runner_in_the_order_of_the_files(erde, exported, deployable, folder):
    code, rows, error = erde(folder, "--theta", 1)
    label, probability, exits = Runner(exported).predict(deployable.pixels[:70], 1.0)
    assert (code, error) == (0, "")
    assert [row["file"] for row in rows] == [str(folder / f"{n:03}.png") for n in range(70)]
    assert [row["class"] for row in rows] == [f"class {c}" for c in label]
    assert [int(row["exit"]) for row in rows] == exits.tolist()
    assert [int(row["macs"]) for row in rows] == deployable.macs[exits].tolist()
    np.testing.assert_allclose([float(r["probability"]) for r in rows], probability, atol=1e-5)


def test_one_image(erde, folder):
    code, rows, _ = erde(folder / "003.png", "--theta", 1)
    assert (code, len(rows)) == (0, 1)


def test_a_smaller_budget_costs_less(erde, folder, deployable):
    cheap, dear = (
        sum(int(row["macs"]) for row in erde(folder, "--budget", budget)[1])
        for budget in (deployable.macs[0], deployable.macs[-1])
    )
    assert cheap == 70 * deployable.macs[0] < dear


def test_csv_file(erde, folder, tmp_path):
    printed = erde(folder, "--max-drop", 0.1)[1]
    code, rows, _ = erde(folder, "--max-drop", 0.1, "--output", tmp_path / "out.csv")
    assert (code, rows) == (0, [])
    with open(tmp_path / "out.csv", newline="") as file:
        assert list(csv.DictReader(file)) == printed


def test_unreadable_images_are_named_and_the_rest_is_done(erde, folder):
    (folder / "005.png").write_bytes((folder / "005.png").read_bytes()[:90])
    (folder / "066.png").write_bytes(b"no image")
    code, rows, error = erde(folder, "--theta", 1)
    assert code == 1
    assert len(rows) == 68
    assert f"{folder}/005.png: must be a whole, readable image" in error
    assert f"{folder}/066.png: must be a whole, readable image" in error
    assert error.splitlines()[-1] == "erde: 2 of 70 images could not be read"


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image.new("RGB", (20, 16)), "must be 16 x 16 pixels (height x width, image_size), got 16"),
        (Image.new("L", (16, 16)), "must be colour like the other images, got a grey one"),
    ],
)
def test_another_size_or_kind_only_when_asked(erde, tmp_path, image, message):
    image.save(tmp_path / "other.png")
    code, rows, error = erde(tmp_path / "other.png", "--theta", 1)
    assert (code, rows) == (2, [])
    assert message in error
    code, rows, error = erde(tmp_path / "other.png", "--theta", 1, "--resize")
    assert (code, len(rows), error) == (0, 1, "")


@pytest.mark.parametrize("asked", [[], ["--resize"]])
@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image.new("I;16", (16, 16)), "must be an 8-bit grey or RGB image, got mode 'I;16'"),
        (Image.new("RGBA", (16, 16)), "must not be transparent, got a pixel of alpha 0"),
    ],
)
def test_what_has_no_8_bit_colours_is_refused(erde, tmp_path, image, message, asked):
    image.save(tmp_path / "other.png")
    code, rows, error = erde(tmp_path / "other.png", "--theta", 1, *asked)
    assert (code, rows) == (2, [])
    assert message in error


def test_an_unreadable_image_when_resizing(erde, tmp_path):
    (tmp_path / "x.png").write_bytes(b"no image")
    code, _, error = erde(tmp_path, "--theta", 1, "--resize")
    assert code == 2
    assert "x.png: must be a whole, readable image, got: cannot identify" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--theta", "-1"], "theta must lie in 0 … 4.6052 nats"),
        (["--budget", "5"], "budget must be at least 103936 MACs, the cost of the first exit"),
        (["--budget", "0.1x"], "got 0.1x = 100000 MACs"),
        (["--max-drop", "3"], "max-drop must be a fraction in 0 … 1, got 3.0"),
        ([], "one of --theta, --budget, --max-drop must be given"),
        (["--threads", "0", "--theta", "1"], "threads must lie in 1 … "),
        (["--threads", "5000", "--theta", "1"], "threads must lie in 1 … "),
        (["--top", "0", "--theta", "1"], "--top must lie in 1 … 10, the number of classes, got 0"),
        (
            ["--top", "11", "--theta", "1"],
            "--top must lie in 1 … 10, the number of classes, got 11",
        ),
    ],
)
def test_bad_options_are_one_sentence(erde, folder, arguments, message):
    code, rows, error = erde(folder, *arguments)
    assert (code, rows, len(error.splitlines())) == (2, [], 1)
    assert message in error


def test_an_empty_folder_and_a_missing_file(erde, tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    assert "must hold at least 1 image (.png" in erde(tmp_path, "--theta", 1)[2]
    code, _, error = erde(tmp_path / "missing.png", "--theta", 1)
    assert code == 2
    assert "must be an image or a folder of images, got no such file" in error


def test_a_broken_deployment(erde, exported, folder, tmp_path):
    copy = shutil.copytree(exported, tmp_path / "copy")
    manifest = json.loads((copy / "manifest.json").read_text())
    for content, message in [
        (json.dumps(manifest | {"version": 3}), "manifest.json: version must be 1 … 2, got 3"),
        ("{", "manifest.json: must be a readable manifest, got: Expecting property name"),
        ("{}", "manifest.json: version must be 1 … 2, got None"),
        ("[]", "manifest.json: must hold one object of fields, got list"),
        (None, "must be a deployment folder, got no manifest.json in it"),
    ]:
        if content is None:
            (copy / "manifest.json").unlink()
        else:
            (copy / "manifest.json").write_text(content)
        code, _, error = erde(folder, "--theta", 1, model=copy)
        assert (code, len(error.splitlines())) == (2, 1)
        assert message in error


def test_a_damaged_or_missing_network(erde, exported, folder, tmp_path):
    copy = shutil.copytree(exported, tmp_path / "copy")
    (copy / "stage1.onnx").write_bytes(b"")
    assert "stage1.onnx: SHA-256 must be" in erde(folder, "--theta", 1, model=copy)[2]
    (copy / "stage1.onnx").unlink()
    assert "No such file" in erde(folder, "--theta", 1, model=copy)[2]
