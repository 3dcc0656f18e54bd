"""A folder of images, as a user has one."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def folder(tmp_path, rng):
    for part, count in (("train", 30), ("test", 5)):
        for name in ("cat", "dog"):
            (tmp_path / "my pets" / part / name).mkdir(parents=True)
            for n in range(count):
                pixels = rng.integers(0, 256, (20, 24, 3), np.uint8)
                Image.fromarray(pixels).save(tmp_path / "my pets" / part / name / f"{n}.png")
    return tmp_path / "my pets"


@pytest.fixture
def rng():
    return np.random.default_rng(0)
