"""Image files of many odd kinds and damaged ones: read as Pillow does, or refused in a sentence."""

import io
import os
import random
import subprocess
import sys
from collections import Counter

import numpy as np
from PIL import Image, ImageOps

from erde.datasets.image_file import ImageError, read_image
from tests.fuzz.changes.damage import BYTES, no_hang

CASES, SEED = 1500, 4
SIZE = (12, 16)
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr")
KINDS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF", "MPO", "PPM", "ICO")
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp")


def campaign(folder, cases, seed):
    """In turn: a whole file of any kind, and a damaged one; both in any name that is an image's."""
    draw, counts = random.Random(seed), Counter()
    for case in range(cases):
        where = f"seed {seed}, case {case}"
        data = encoded(draw)
        if case % 2:
            data = draw.choice(BYTES)(draw, data)
        file = folder / f"image{draw.choice(ENDINGS)}"
        file.write_bytes(data)
        channels, resize = draw.choice((None, 1, 3)), draw.random() < 0.3
        with no_hang():
            try:
                pixels = read_image(
                    file, SIZE, channels, "stretch" if resize else "none", convert=resize
                )
            except ImageError as error:
                said = str(error)
                assert said.startswith(f"{file}: must"), f"{where}: {said}"
                assert "\n" not in said, f"{where}: {said}"
                counts["refused"] += 1
            else:
                check(pixels, data, channels, resize, where)
                counts["read"] += 1
        file.unlink()
    return counts


def encoded(draw):
    """A file of any kind that can hold an image of any mode; orientation, frames, transparency."""
    while True:
        mode, kind = draw.choice(MODES), draw.choice(KINDS)
        size = draw.choice((SIZE[::-1], SIZE[::-1], SIZE, (1, 1), (40, 30)))
        image = Image.effect_noise(size, 90).convert("RGB" if mode == "P" else "L")
        options, exif = {}, Image.Exif()
        if draw.random() < 0.4:
            exif[0x0112] = draw.choice((*range(10), 65535))
            options["exif"] = exif
        if draw.random() < 0.15:
            options |= {"save_all": True, "append_images": [Image.new("L", size)]}
        if draw.random() < 0.1:
            options["transparency"] = 0
        stream = io.BytesIO()
        try:
            image = image.quantize(8) if mode == "P" else image.convert(mode)
            if mode in ("LA", "RGBA") and draw.random() < 0.7:
                image.putalpha(255)
            image.save(stream, kind, **options)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SystemError):
            continue  # that kind cannot hold it
        return stream.getvalue()


def check(pixels, data, channels, resize, where):
    """What was read is what Pillow shows, upright, and nothing was cut off or hidden."""
    with Image.open(io.BytesIO(data)) as image:
        assert image.format in ("PNG", "JPEG", "BMP", "WEBP", "MPO"), where
        assert image.format == "MPO" or getattr(image, "n_frames", 1) == 1, where
        assert image.mode in ("1", "L", "LA", "RGB", "RGBA", "P"), where
        kept = channels or (1 if image.mode in ("1", "L", "LA") else 3)
        assert np.asarray(image.convert("RGBA"))[..., 3].min() == 255, where
        upright = ImageOps.exif_transpose(image).convert("L" if kept == 1 else "RGB")
    if resize:
        upright = upright.resize(SIZE[::-1], Image.Resampling.BILINEAR)
    assert pixels.dtype == np.uint8
    expected = np.asarray(upright).reshape(*SIZE, kept)
    np.testing.assert_array_equal(pixels, expected, err_msg=where)


def test_every_image_is_read_rightly_or_refused(tmp_path):
    counts = campaign(tmp_path, CASES, SEED)
    assert min(counts["read"], counts["refused"]) > CASES / 8


def test_a_folder_of_them_is_done_to_its_end(exported, tmp_path):
    """All in one batch, with pipes, links, folders and odd names; twice, with the same answers."""
    draw = random.Random(SEED)
    for n in range(150):
        (tmp_path / f"{n}{draw.choice(ENDINGS)}").write_bytes(encoded(draw))
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "nowhere.png").symlink_to("nothing")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "=1+1\n.png").write_bytes(b"")
    Image.new("RGB", (16, 16)).save(tmp_path / "whole.png")  # of the size that is asked for
    command = [sys.executable, "-m", "erde.cli", "predict", exported, tmp_path, "--theta", "1"]
    for more in ([], ["--resize"]):
        first, second = (
            subprocess.run([*command, *more], capture_output=True, timeout=60) for _ in range(2)
        )
        assert first.returncode == 1
        assert first.stdout == second.stdout
        errors = first.stderr.decode().splitlines()
        assert not [line for line in errors if not line.startswith("erde: ")]
        answers = len(first.stdout.splitlines()) - 1
        refused = sum(line.startswith("erde: error: ") for line in errors)
        assert answers + refused == 155
        assert errors[-1] == f"erde: {refused} of 155 images could not be read"
