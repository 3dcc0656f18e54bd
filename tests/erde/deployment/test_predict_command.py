"""``erde predict`` on what a person's folders really hold, in CSV and JSON, into whatever."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from erde.deployment.runner import Runner
from erde_core.softmax import softmax
from erde_core.store.manifest import sealed

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(deployable, tmp_path):
    """Class folders ``a`` and ``b`` with three images each."""
    for n, pixels in enumerate(deployable.pixels[:6]):
        path = tmp_path / "images" / "ab"[n // 3] / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return tmp_path / "images"


def erde(*arguments, **options):
    command = [sys.executable, "-m", "erde.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=100, **options)


def test_class_folders(exported, deployable, folder):
    done = erde("predict", exported, folder, "--theta", 1)
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    label = Runner(exported).predict(deployable.pixels[:6], 1.0)[0]
    assert [row["file"] for row in rows] == [f"{folder}/{'ab'[n // 3]}/{n}.png" for n in range(6)]
    assert [row["class"] for row in rows] == [f"class {c}" for c in label]


def test_the_most_probable_classes(exported, deployable, folder):
    done = erde("predict", exported, folder, "--theta", 1, "--top", 3)
    head, *rows = csv.reader(io.StringIO(done.stdout.decode()))
    assert head == [
        *("file", "class", "probability", "exit", "macs"),
        *("class_2", "probability_2", "class_3", "probability_3"),
    ]
    logits, _ = Runner(exported).logits(deployable.pixels[:6], 1.0)
    for row, scores in zip(rows, softmax(logits), strict=True):
        order = np.argsort(-scores)[:3]
        assert [row[1], row[5], row[7]] == [f"class {c}" for c in order]
        found = [float(row[n]) for n in (2, 6, 8)]
        np.testing.assert_allclose(found, scores[order], atol=1e-5)


def test_json_lines(exported, deployable, folder):
    plain, ranked = (
        [json.loads(line) for line in erde("predict", exported, folder, *more).stdout.splitlines()]
        for more in (["--theta", 1, "--json"], ["--theta", 1, "--json", "--top", 2])
    )
    label, probability, exits = Runner(exported).predict(deployable.pixels[:6], 1.0)
    for n, answer in enumerate(plain):
        assert answer == {
            "file": f"{folder}/{'ab'[n // 3]}/{n}.png",
            "class": f"class {label[n]}",
            "probability": pytest.approx(probability[n]),
            "exit": exits[n],
            "macs": deployable.macs[exits[n]],
        }
    for short, long in zip(plain, ranked, strict=True):
        top = long.pop("top")
        assert long == short
        assert top[0] == {name: short[name] for name in ("class", "probability")}
        assert top[0]["probability"] >= top[1]["probability"]


def test_one_theta_per_early_exit(exported, deployable, folder):
    done = erde("predict", exported, folder, "--theta", "1.2,0.3,0.9", "--json")
    label, _, exits = Runner(exported).predict(deployable.pixels[:6], [1.2, 0.3, 0.9])
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["class"] for row in rows] == [f"class {c}" for c in label]
    assert [row["exit"] for row in rows] == exits.tolist()
    done = erde("predict", exported, folder, "--theta", "1.2,0.3")
    assert (done.returncode, done.stdout) == (2, b"")
    words = "theta must be one number or 3, one per early exit, got 2"
    assert done.stderr.decode() == f"erde: error: {words}\n"


def test_one_odd_name_does_not_lose_the_batch(exported, folder):
    odd = os.path.join(os.fsencode(folder), b"caf\xe9.png")
    shutil.copy(folder / "a/0.png", odd)
    done = erde("predict", exported, folder, "--theta", 1)
    assert done.returncode == 0
    rows = done.stdout.decode("utf-8").splitlines()[1:]
    assert len(rows) == 7
    assert rows[0].startswith(f"{folder}/caf\\udce9.png,class ")
    assert b"1 file names are no UTF-8" in done.stderr
    first = json.loads(
        erde("predict", exported, folder, "--theta", 1, "--json").stdout.split(b"\n")[0]
    )
    assert os.fsencode(first["file"]) == odd


def test_a_pipe_among_the_images_is_named_and_the_rest_is_done(exported, folder):
    os.mkfifo(folder / "a/pipe.png")
    (folder / "a/link.png").symlink_to("/dev/zero")
    (folder / "a/two\nlines.png").write_bytes(b"no image")
    done = erde("predict", exported, folder, "--theta", 1)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 7
    errors = done.stderr.decode().splitlines()
    assert f"{folder}/a/link.png: must be a regular file, got another kind" in errors[0]
    assert f"{folder}/a/pipe.png: must be a regular file, got another kind" in errors[1]
    assert f"{folder}/a/two\\nlines.png: must be a whole, readable image" in errors[2]
    assert errors[3:] == ["erde: 3 of 9 images could not be read"]


def test_what_is_left_out_is_named(exported, folder):
    (folder / "b/notes.txt").write_text("")
    done = erde("predict", exported, folder, "--theta", 1)
    assert done.returncode == 0
    assert done.stderr.decode() == "erde: left out, no image by its name: notes.txt\n"


@pytest.mark.parametrize("more", ["", "--json"])
def test_whoever_reads_may_have_enough(exported, folder, more):
    for n in range(300):
        shutil.copy(folder / "a/0.png", folder / f"a/copy{n}.png")
    command = f"{sys.executable} -m erde.cli predict {exported} {folder} --theta 1 {more}"
    script = f"{command} | head -1 >/dev/null; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("141\n", "")


def test_a_closed_output_when_all_fits_into_the_buffer(exported, folder):
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "erde.cli", "predict", exported, folder, "--theta", "1"]
    done = subprocess.run(command, stdout=writes, stderr=subprocess.PIPE)
    os.close(writes)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_full_device_is_an_error(exported, folder):
    done = erde("predict", exported, folder, "--theta", 1, "--output", "/dev/full")
    assert done.returncode == 2
    assert done.stderr.decode() == "erde: error: [Errno 28] No space left on device\n"


def test_class_names_are_quoted_and_guarded(exported, deployable, folder, tmp_path):
    copy = shutil.copytree(exported, tmp_path / "copy")
    manifest = json.loads((copy / "manifest.json").read_text())
    names = [f'=HYPERLINK("x";{c})' for c in range(10)]
    (copy / "manifest.json").write_text(json.dumps(sealed(manifest | {"class_names": names})))
    table = csv.DictReader(io.StringIO(erde("predict", copy, folder, "--theta", 1).stdout.decode()))
    label = Runner(copy).predict(deployable.pixels[:6], 1.0)[0]
    assert [row["class"] for row in table] == [f"'{names[c]}" for c in label]
    lines = erde("predict", copy, folder, "--theta", 1, "--json").stdout.splitlines()
    assert [json.loads(line)["class"] for line in lines] == [names[c] for c in label]


def test_a_fresh_home_stays_empty(exported, folder, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "ORT_"))}
    env = kept | {"HOME": str(home)}
    assert erde("predict", exported, folder, "--theta", 1, env=env).returncode == 0
    np.save(tmp_path / "x.npy", np.zeros((2, 16, 16, 3), np.uint8))
    command = [sys.executable, exported / "run.py", tmp_path / "x.npy", "--theta", "1"]
    subprocess.run(command, env=env, check=True, capture_output=True)
    assert list(home.iterdir()) == []


def test_watch_holds_the_images_against_validation(exported, deployable, tmp_path):
    """The validation images themselves, in two folders; then only those that the network knows."""
    unsure = Runner(exported).scored(deployable.pixels, 1.0)[2]
    folders = {"same": np.arange(150), "surer": np.argsort(unsure)[:60]}
    for name, chosen in folders.items():
        for n in chosen:
            path = tmp_path / name / "ab"[n % 2] / f"{n:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(deployable.pixels[n]).save(path)
    quiet = erde("predict", exported, tmp_path / "same", "--theta", 1, "--watch")
    assert quiet.returncode == 0
    assert b"erde: watch: no alarm in 150 images; evidence of a change at most" in quiet.stderr
    loud = erde("predict", exported, tmp_path / "surer", "--theta", 1, "--watch")
    assert loud.returncode == 3
    assert b"erde: watch: ALARM at image" in loud.stderr
    assert loud.stdout.count(b"\n") == 61
    (tmp_path / "surer/a/broken.png").write_bytes(b"no image")  # hides no alarm
    both = erde("predict", exported, tmp_path / "surer", "--theta", 1, "--watch")
    assert both.returncode == 3
    assert b"1 of 61 images could not be read" in both.stderr


def test_watch_needs_validation_scores(exported, folder, tmp_path):
    old = shutil.copytree(exported, tmp_path / "old")
    path = old / "manifest.json"
    fields = json.loads(path.read_text()) | {"watch": {"validation_scores": None}}
    path.write_text(json.dumps(sealed(fields)))
    done = erde("predict", old, folder, "--theta", 1, "--watch")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"watch must have validation scores to hold a stream against" in done.stderr


@pytest.mark.parametrize("watch", [[], ["--watch"]])
def test_where_nothing_can_be_read_nothing_was_done(exported, tmp_path, watch):
    images, table = tmp_path / "images", tmp_path / "table.csv"
    images.mkdir()
    for name in "ab":
        (images / f"{name}.png").write_bytes(b"no image")
    done = erde("predict", exported, images, "--theta", 1, "--output", table, *watch)
    assert (done.returncode, table.exists()) == (2, False)
    errors = done.stderr.decode().splitlines()
    assert len(errors) == 3
    assert errors[2].endswith(f"{images}: must hold at least 1 readable image, got 0")
