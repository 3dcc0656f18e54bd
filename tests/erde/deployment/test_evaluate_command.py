"""``erde evaluate`` counts as the evaluation does, and holds it against the manifest's promise."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from erde.cli import main
from erde.deployment.runner import Runner
from erde_core.store.manifest import sealed
from tests.erde_torch.deployable import exit_logits

Image = pytest.importorskip("PIL.Image")
THETA = 1.0


@pytest.fixture(scope="module")
def folder(deployable, tmp_path_factory):
    """All 150 images in class folders: those by which the manifest's curve was made."""
    root = tmp_path_factory.mktemp("images")
    for n, (pixels, label) in enumerate(zip(deployable.pixels, truth(deployable), strict=True)):
        path = root / f"class {label}" / f"{n:03}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
    return root


def truth(deployable):
    return exit_logits(deployable).val.labels


@pytest.fixture
def evaluate(exported, capsys):
    def run(folder, *arguments):
        with pytest.raises(SystemExit) as stopped:
            main(["evaluate", str(exported), str(folder), *map(str, arguments)])
        output = capsys.readouterr()
        return stopped.value.code, output.out, output.err

    return run


def test_what_is_left_out_is_named_with_its_reason(evaluate, folder, tmp_path):
    folder = Path(shutil.copytree(folder, tmp_path / "images"))
    some = next(folder.glob("*/*.png"))
    (some.parent / "deeper").mkdir()
    (folder / "stray.png").write_bytes(some.read_bytes())
    (some.parent / "notes.txt").touch()
    code, _, error = evaluate(folder, "--theta", THETA)
    assert code == 0
    assert error.splitlines() == [
        "erde: left out, a folder inside a class folder: deeper",
        "erde: left out, no image by its name: notes.txt",
        "erde: left out, beside the class folders: stray.png",
    ]


def test_the_numbers_are_those_of_the_runner(evaluate, exported, deployable, folder):
    code, out, error = evaluate(folder, "--theta", THETA, "--json")
    assert (code, error) == (0, "")
    found = json.loads(out)
    label, _, exits = Runner(exported).predict(deployable.pixels, THETA)
    right = label == truth(deployable)
    assert found["images"] == 150
    assert found["theta_nats"] == THETA
    assert found["accuracy"]["found"] == pytest.approx(right.mean())
    assert found["macs"]["found"] == pytest.approx(deployable.macs[exits].mean())
    for e, row in enumerate(found["exits"]):
        assert (row["exit"], row["macs"]) == (e, deployable.macs[e])
        assert row["images"] == (exits == e).sum()
        assert row["accuracy"] == pytest.approx(right[exits == e].mean())


@pytest.mark.parametrize("option", [["--budget", "200000"], ["--max-drop", "0.2"]])
def test_the_images_of_the_promise_keep_it(evaluate, folder, option):
    found = json.loads(evaluate(folder, *option, "--json")[1])
    for part in ("accuracy", "macs"):
        assert found[part]["promised"] == pytest.approx([found[part]["found"]] * 2)
        assert found[part]["difference"] == pytest.approx(0, abs=1e-6)
        assert found[part]["verdict"] == "as promised, within chance"


def test_one_theta_per_early_exit(evaluate, exported, deployable, folder):
    found = json.loads(evaluate(folder, "--theta", "1.2,0.3,0.9", "--json")[1])
    label, _, exits = Runner(exported).predict(deployable.pixels, [1.2, 0.3, 0.9])
    assert found["theta_nats"] == [1.2, 0.3, 0.9]
    assert found["accuracy"]["found"] == pytest.approx((label == truth(deployable)).mean())
    assert [row["images"] for row in found["exits"]] == np.bincount(exits, minlength=4).tolist()
    assert ", θ = 1.2, 0.3, 0.9 nats\n" in evaluate(folder, "--theta", "1.2,0.3,0.9")[1]
    assert found["accuracy"]["verdict"] == "nothing was promised"


def test_thresholds_per_exit_for_a_budget_keep_their_promise(evaluate, folder, exported):
    rows = Runner(exported).manifest["per_exit_curve"]
    each, accuracy, macs = max(rows, key=lambda row: (row[1], -row[2]))
    found = json.loads(evaluate(folder, "--budget", macs, "--per-exit", "--json")[1])
    assert found["theta_nats"] == each
    assert found["accuracy"]["found"] == found["accuracy"]["promised"][0] == pytest.approx(accuracy)
    assert found["macs"]["found"] == pytest.approx(macs)


@pytest.mark.parametrize("theta", [0.02, 0.4, THETA, 1.7, 4.0])
def test_at_any_theta_validation_lies_within_the_promise(evaluate, folder, theta):
    found = json.loads(evaluate(folder, "--theta", theta, "--json")[1])
    for part in ("accuracy", "macs"):
        low, high = found[part]["promised"]
        assert low - 1e-9 <= found[part]["found"] <= high + 1e-9
    assert found["accuracy"]["promised"][0] > found["accuracy"]["promised"][1] - 0.02


def test_an_older_manifest_promises_an_accuracy_of_at_most(exported, tmp_path, folder, capsys):
    older = shutil.copytree(exported, tmp_path / "older")
    fields = json.loads((older / "manifest.json").read_text(encoding="utf-8"))
    del fields["operating_points"]
    (older / "manifest.json").write_text(json.dumps(sealed(fields)), encoding="utf-8")
    theta = str(sum(row[0] for row in fields["curve"][5:7]) / 2)
    with pytest.raises(SystemExit):
        main(["evaluate", str(older), str(folder), "--theta", theta])
    best = 100 * max(row[1] for row in fields["curve"][5:7])
    said = capsys.readouterr().out
    assert f"  promised at most {best:.2f} % by 150 validation images\n" in said
    assert "\n  not above that, within chance; how far below it was, this older manifest" in said
    assert "would not be noticed" not in said


def test_other_images_surprise(evaluate, folder, tmp_path):
    for path in folder.rglob("*.png"):
        wrong = f"class {(int(path.parent.name[-1]) + 1) % 10}"
        (tmp_path / wrong).mkdir(exist_ok=True)
        (tmp_path / wrong / path.name).write_bytes(path.read_bytes())
    code, out, _ = evaluate(tmp_path, "--budget", "200000")
    assert code == 0
    assert "surprising: chance alone gives such a difference less than once in 20 times" in out
    assert "given beforehand, and more often for this one, which was chosen on validation\n" in out
    assert "  θ was chosen on these validation images: the promise is too high on average\n" in out
    asked = json.loads(evaluate(tmp_path, "--budget", "200000", "--json")[1])
    assert asked["theta_chosen_on_validation"]
    given = evaluate(tmp_path, "--theta", asked["theta_nats"] * 1.001)[1]
    assert "less than once in 20 times\n" in given
    assert "chosen" not in given
    assert re.search(r"difference -\d+\.\d\d points \(-\d+\.\d\d … -\d+\.\d\d\)", out)


def test_a_small_sample_is_said_to_be_one(evaluate, folder, tmp_path):
    (tmp_path / "class 1").mkdir()
    source = next(folder.rglob("*.png"))
    for n in range(5):
        (tmp_path / "class 1" / f"{n}.png").write_bytes(source.read_bytes())
    (tmp_path / "class 1" / "bad.png").write_bytes(b"no image")
    code, out, error = evaluate(tmp_path, "--theta", THETA)
    assert code == 1
    assert "bad.png: must be a whole, readable image" in error
    assert "5 images of 10 classes, θ = 1 nats" in out
    assert "no image of 9 classes: class 0, class 2" in out
    assert "too few images to judge, at least 30 are needed" in out
    assert re.search(r"less than about \d+\.\d points would not be noticed here", out)


def test_words(evaluate, folder, deployable):
    out = evaluate(folder, "--theta", THETA)[1]
    right = json.loads(evaluate(folder, "--theta", THETA, "--json")[1])["accuracy"]["found"]
    assert f"accuracy: {100 * right:.2f} % (95 % interval " in out
    assert " by 150 validation images: difference " in out
    assert re.search(
        r"cost: [\d,]+ MACs per image \([\d,]+ … [\d,]+\), 0\.\d+ of the teacher's", out
    )
    rows = re.findall(r"^ +(\d) +([\d,]+) +(\d+) +([\d.]+) % +([\d.]*)", out, re.M)
    assert [int(row[1].replace(",", "")) for row in rows] == deployable.macs.tolist()
    assert sum(int(row[2]) for row in rows) == 150


def test_nothing_readable_and_no_class(evaluate, tmp_path):
    (tmp_path / "class 1").mkdir()
    (tmp_path / "class 1" / "bad.png").write_bytes(b"no image")
    code, out, error = evaluate(tmp_path, "--theta", THETA)
    assert (code, out) == (2, "")
    assert "must hold at least 1 readable image, got 0" in error.splitlines()[-1]
    (tmp_path / "class 1").rename(tmp_path / "dog")
    code, out, error = evaluate(tmp_path, "--theta", THETA)
    assert (code, out) == (2, "")
    assert "folders must be named like classes of the model (class 0, " in error
    assert "got 'dog'" in error
