"""One reader: training, prediction and program see the same pixels and refuse the same files."""

import importlib.util
import shutil

import numpy as np
import pytest
from PIL import Image

from erde.datasets.folder import prepare
from erde.datasets.folder_settings import FolderSettings
from erde.datasets.image_file import ImageError, read_image
from erde.datasets.images import DatasetError
from erde.deployment.predict import reader
from erde.deployment.program import PROGRAM_FILES
from tests.photographs.made import class_folders, some_photographs

SIZE = (48, 64)
RESIZES = ("crop", "pad", "stretch")


class _Deployed:
    """As much of a ``Runner`` as a reader asks for."""

    def __init__(self, resize):
        resized = {"resize": resize}
        self.manifest = {"shape": [*SIZE, 3], "preprocessing": resized, "versions": {}}


@pytest.fixture(scope="module")
def carried(tmp_path_factory):
    """The reader of a deployment, loaded from its own file."""
    file = tmp_path_factory.mktemp("deployed") / "image_reader.py"
    shutil.copyfile(PROGRAM_FILES["image_reader.py"], file)
    spec = importlib.util.spec_from_file_location("carried", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def settings(path, resize="crop", **keys):
    return FolderSettings(
        name="folder", path=str(path), image_size=SIZE, resize=resize, validation=8, **keys
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    def save(image, stem):
        image.save(stem.with_suffix(".jpg"), quality=90)

    return class_folders(tmp_path_factory.mktemp("photographs"), some_photographs(200), save=save)


@pytest.mark.parametrize("resize", RESIZES)
def test_training_prediction_and_program_read_the_same_pixels(folder, carried, resize):
    dataset = prepare(settings(folder, resize, duplicates="keep"), folder)
    files = sorted(folder.glob("test/*/*.jpg"))
    read = reader(_Deployed(resize), resize=False)
    assert len(files) == len(dataset.test)
    for file, pixels in zip(files, dataset.test.images, strict=True):
        np.testing.assert_array_equal(read(file), pixels)
        np.testing.assert_array_equal(carried.read_image(file, SIZE, 3, resize), pixels)


def encodings(image):
    """One photograph in other wrappings, with the options of each; their pixels are the same."""
    upright = np.asarray(image)
    yield "png", image, {}
    yield "webp", image, {"lossless": True}
    yield "bmp", image, {}
    for orientation, turn in STORED.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield "png", Image.fromarray(turn(upright).copy()), {"exif": exif}
    opaque = image.copy()
    opaque.putalpha(255)
    yield "png", opaque, {}


# What a camera stores for each orientation: the inverse of what turns it upright.
STORED = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("shape", [(4, 3), (3, 4)])
@pytest.mark.parametrize("resize", RESIZES)
def test_the_wrapping_changes_no_pixel(tmp_path, shape, resize):
    for n, photograph in enumerate(some_photographs(4)):
        image = photograph.resize((30 * shape[0], 30 * shape[1]))
        image.save(tmp_path / f"{n}.png")
        wanted = read_image(tmp_path / f"{n}.png", SIZE, 3, resize)
        for ending, wrapped, options in encodings(image):
            file = tmp_path / f"{n}.{ending}"
            wrapped.save(file, **options)
            np.testing.assert_array_equal(read_image(file, SIZE, 3, resize), wanted)


def test_a_palette_and_a_grey_image_are_their_colours(tmp_path):
    palette = some_photographs(1)[0].quantize(64)
    grey = some_photographs(1)[0].convert("L")
    for image in (palette, grey):
        image.save(tmp_path / "a.png")
        image.convert("RGB").save(tmp_path / "b.png")
        found = (read_image(tmp_path / name, SIZE, 3, "crop") for name in ("a.png", "b.png"))
        np.testing.assert_array_equal(*found)


def cmyk(image, file):
    image.convert("CMYK").save(file.with_suffix(".jpg"))


def sixteen_bits(image, file):
    grey = np.asarray(image.convert("L")).astype(np.uint16) * 257
    Image.fromarray(grey).save(file.with_suffix(".png"))


def transparent(image, file):
    seen_through = image.copy()
    seen_through.putalpha(100)
    seen_through.save(file.with_suffix(".png"))


def animated(image, file):
    image.save(file.with_suffix(".webp"), save_all=True, append_images=[image.rotate(90)])


def truncated(image, file):
    image.save(file.with_suffix(".jpg"))
    data = file.with_suffix(".jpg").read_bytes()
    file.with_suffix(".jpg").write_bytes(data[: len(data) // 2])


def gif(image, file):
    image.save(file.with_suffix(".gif"))
    file.with_suffix(".gif").rename(file.with_suffix(".jpg"))


def heic(image, file):
    file.with_suffix(".jpg").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 40)


REFUSED = {
    cmyk: "must be an 8-bit grey or RGB image, got mode 'CMYK'",
    sixteen_bits: "must be an 8-bit grey or RGB image, got mode 'I;16'",
    transparent: "must not be transparent, got a pixel of alpha 100",
    animated: "must be one image, got an animation",
    truncated: "must be a whole, readable image, got: image file is truncated",
    gif: "must be a whole, readable image, got: a GIF file (ImageMagick makes a PNG of it)",
    heic: "must be a whole, readable image, got: a HEIC or AVIF file",
}


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_all_three_refuse_the_same_in_the_same_words(tmp_path, carried, make):
    root = class_folders(tmp_path, [i.resize((70, 60)) for i in some_photographs(48)])
    make(some_photographs(1)[0], root / "train/class1/odd")
    (odd,) = root.glob("train/class1/odd*")
    with pytest.raises(DatasetError) as training:
        prepare(settings(root), root)
    with pytest.raises(ImageError) as prediction:
        reader(_Deployed("crop"), resize=False)(odd)
    with pytest.raises(carried.ImageError) as program:
        carried.read_image(odd, SIZE, 3, "crop")
    assert str(training.value) == str(prediction.value) == str(program.value)
    assert str(training.value).startswith(f"{odd}: {REFUSED[make]}")
