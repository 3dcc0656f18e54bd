"""Photographs so large that two of them at once might not fit into memory."""

import threading
import time

import pytest
from PIL import Image

from erde.datasets.folder import prepare
from erde.datasets.folder_settings import FolderSettings
from erde.datasets.photographs import decode
from erde.experiment.schema import parse_experiment
from erde.running.asking.image_shape import image_shape
from tests.erde.datasets.test_image_file import claimed
from tests.erde.running.cluster.test_needs import KEYS


def test_large_images_are_decoded_one_at_a_time_and_others_are_not(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "_LARGE", 40 * 40)
    monkeypatch.setattr(decode.os, "cpu_count", lambda: 8)
    for part in ("train", "test"):
        for n in range(300):
            file = tmp_path / part / "ab"[n % 2] / f"{n}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            side = 41 if part == "test" else 40
            Image.new("RGB", (side, side), (n % 256, n // 256, n % 7)).save(file)
    lock, now, most = threading.Lock(), {"train": 0, "test": 0}, {"train": 0, "test": 0}
    decoded = decode.decoded

    def counted(file, *rest):
        part = file.parts[-3]
        with lock:
            now[part] += 1
            most[part] = max(most[part], now[part])
        time.sleep(0.001)
        with lock:
            now[part] -= 1
        return decoded(file, *rest)

    monkeypatch.setattr(decode, "decoded", counted)
    keys = {"image_size": (8, 8), "resize": "crop", "validation": 10, "duplicates": "keep"}
    prepare(FolderSettings(name="folder", path=str(tmp_path), **keys), tmp_path)
    assert most["test"] == 1
    assert most["train"] > 1


@pytest.mark.filterwarnings("error")
def test_the_shape_of_images_that_pillow_calls_an_attack_is_known(tmp_path):
    for name in ("train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/1.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(claimed(16_320, 12_240))
    own = {"name": "folder", "path": str(tmp_path), "image_size": 8, "resize": "crop"}
    experiment = parse_experiment(KEYS | {"dataset": own | {"validation": 1}}, "test")
    assert image_shape(experiment) == (3, 8, 8)
