"""Photographs: the flowers where they are, else generated ones that look a little like some."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

_SHARED = "shared/data/flowers"


def flowers():
    """The folder of real photographs, None where there is none."""
    root = Path(__file__).resolve().parents[2]
    named = os.environ.get("ERDE_FLOWERS")
    beside = [p / _SHARED for p in (root, root.parent, root.parent.parent)]
    found = [p for p in ([Path(named)] if named else beside) if (p / "train").is_dir()]
    return found[0] if found else None


def some_photographs(count):
    """``count`` of them as Pillow images: real ones spread over all classes, else generated."""
    folder = flowers()
    if folder is None:
        rng = np.random.default_rng(0)
        return [generated(rng, *rng.integers(150, 300, 2)) for _ in range(count)]
    files = sorted(folder.glob("train/*/*.jpg"))
    return [Image.open(f).convert("RGB") for f in files[:: max(1, len(files) // count)][:count]]


def generated(rng, width, height):
    """Smooth colours with a disc: JPEG compresses it about as it does photographs."""
    coarse = rng.integers(0, 256, (6, 6, 3), np.uint8)
    image = Image.fromarray(coarse).resize((int(width), int(height)), Image.Resampling.BICUBIC)
    pixels = np.asarray(image).astype(np.int64)
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    radius = rng.integers(10, 60)
    disc = (y - rng.integers(height)) ** 2 + (x - rng.integers(width)) ** 2 < radius**2
    pixels[disc] = rng.integers(0, 256, 3)
    noise = rng.integers(-6, 7, pixels.shape)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def class_folders(root, images, classes=4, test=0.25, save=None):
    """``root/{train,test}/<class>`` of ``images``; ``save(image, stem)`` writes one."""
    save = save or (lambda image, stem: image.save(stem.with_suffix(".png")))
    every = round(1 / test)
    for n, image in enumerate(images):
        label, turn = n % classes, n // classes
        folder = root / ("test" if turn % every == 0 else "train") / f"class{label}"
        folder.mkdir(parents=True, exist_ok=True)
        save(image, folder / f"{n:05d}")
    return root


def many_sizes(root, count):
    """Class folders of JPEGs of 200 … 900 pixels: scaled copies of a few, each with its mark."""
    rng = np.random.default_rng(0)
    first = [generated(rng, 900, 900) for _ in range(20)]
    for n in range(count):
        size = tuple(rng.integers(200, 901, 2).tolist())
        image = first[n % 20].resize(size, Image.Resampling.NEAREST)
        image.paste(Image.fromarray(rng.integers(0, 256, (60, 60, 3), np.uint8)), (50, 50))
        place = root / ("test" if n % 10 == 0 else "train") / f"class{n // 10 % 5}"
        place.mkdir(parents=True, exist_ok=True)
        image.save(place / f"{n:05d}.jpg", quality=85)
    return root
