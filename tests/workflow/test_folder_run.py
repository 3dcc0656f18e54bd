"""The whole run on images in class folders: digits written as PNG, and real photographs."""

import copy
import csv
import json

import h5py
import numpy as np
import PIL
from PIL import Image

from erde.datasets.digits import make_digits
from tests.workflow.conftest import TINY
from tests.workflow.statistics.recompute import check_all


def export(dataset, root):
    """Class folders from a data set: val goes to train, as the held-out part is drawn again."""
    parts = {"train": (dataset.train, dataset.val), "test": (dataset.test,)}
    for name, splits in parts.items():
        for number, split in enumerate(splits):
            for index, (image, label) in enumerate(zip(split.images, split.labels, strict=True)):
                folder = root / name / dataset.class_names[label]
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(folder / f"{number}-{index:05d}.png")


def run(checkout, source, size, validation, epochs):
    keys = copy.deepcopy(TINY)
    keys["teacher"]["train"]["epochs"] = keys["student"]["train"]["epochs"] = epochs
    keys["dataset"] = {
        "name": "folder",
        "path": str(source),
        "image_size": [size, size],
        "validation": validation,
    }
    keys["variants"] = {"kd": {"method": "kd"}, "erde": {"method": "erde"}}
    checkout.write_experiment("mine", keys)
    checkout.snakemake("--cores", "2", "results/mine_pareto.png")
    with open(checkout.root / "results/mine/pareto.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def unmounted(checkout):
    """Images that cannot be read have not changed, and what was made from them is kept."""
    images, away = checkout.root / "images", checkout.root / "away"
    images.rename(away)
    assert checkout.plan("results/mine_pareto.png") == {}
    forced = checkout.snakemake(
        "--cores", "1", "--forceall", "results/mine_pareto.png", check=False
    )
    assert forced.returncode != 0
    assert "images/train cannot be read" in forced.stdout + forced.stderr
    assert (checkout.root / "results/mine/data.h5").exists()
    away.rename(images)


def test_digits_as_png_folders(checkout):
    dataset = make_digits(train_images=200, canvas=16)
    export(dataset, checkout.root / "images")
    rows = run(checkout, "images", 16, 100, epochs=2)
    assert {row["variant"] for row in rows} == {"kd", "erde"}
    with h5py.File(checkout.root / "results/mine/data.h5") as file:
        assert len(file["val/labels"]) == 100
        assert len(file["train/labels"]) == 200 + len(dataset.val) - 100
        found = {image.tobytes() for image in np.asarray(file["test/images"])}
    assert found == {image.tobytes() for image in dataset.test.images}
    assert checkout.plan("results/mine_pareto.png") == {}
    checkout.snakemake("--cores", "2", "results/mine/deploy/erde-seed0/")
    shipped = checkout.root / "results/mine/deploy/erde-seed0/manifest.json"
    versions = json.loads(shipped.read_text(encoding="utf-8"))["versions"]
    assert versions["pillow"] == PIL.__version__  # its decoder made these pixels
    unmounted(checkout)
    next((checkout.root / "images/train").glob("*/*.png")).unlink()
    assert checkout.plan("results/mine_pareto.png")["data"] == 1


def test_real_photographs(checkout, cifar100_mini):
    rows = run(checkout, cifar100_mini, 32, 200, epochs=4)
    assert {row["status"] for row in rows} <= {"ok", "saturated", "not reachable"}
    with open(checkout.root / "results/mine/curves.csv", newline="", encoding="utf-8") as file:
        curves = list(csv.DictReader(file))
    # Twenty classes: chance is 5 %. Four epochs at a sixteenth of the width must beat it well.
    assert max(float(row["test_accuracy"]) for row in curves) > 0.15
    with h5py.File(checkout.root / "results/mine/data.h5") as file:
        assert json.loads(file.attrs["class_names"])[0] == "baby"
        assert file["train/images"].shape[1:] == (32, 32, 3)
    checkout.snakemake("--cores", "2", "results/mine/operating_points.csv")
    check_all(checkout.root / "results/mine", ("kd", "erde"), (0,))
