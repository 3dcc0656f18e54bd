"""Example images: who is shown, and that a picture is the image."""

import base64
import io
import re

import numpy as np
from PIL import Image

from erde.report.sections.examples import SHOWN, example_rows, pictures_html
from erde_core.images import ImageDataset, Split
from erde_core.outcomes import outcomes
from erde_core.softmax import entropy
from tests.erde.evaluation.networks import network


def dataset(labels):
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 6, 6, 3), dtype=np.uint8)
    split = Split(images, labels, np.arange(len(labels)))
    names = ("<a>", "b", "c", "d", "e")
    return ImageDataset(split, split, split, names, (0.5,) * 3, (0.2,) * 3, "random")


def test_the_surest_and_the_least_sure_of_those_who_leave():
    student = network(3)
    rows = example_rows(dataset(student.test.labels), student, 0.8)
    _, _, exits = outcomes(student.test, 0.8)
    h = entropy(student.test.logits)
    for e in range(3):
        here = np.sort(h[exits == e, e])
        easiest, hardest = (
            [r["entropy_nats"] for r in rows if (r["exit"], r["kind"]) == (e, kind)]
            for kind in ("easiest", "hardest")
        )
        assert easiest == here[: len(easiest)].tolist()
        assert hardest == here[::-1][: len(hardest)].tolist()
        assert len(easiest) == min(SHOWN, len(here) // 2)
    assert all(exits[r["index"]] == r["exit"] for r in rows)


def test_a_picture_is_the_image_and_names_are_escaped():
    student = network(3)
    data = dataset(student.test.labels)
    rows = example_rows(data, student, 0.8)
    page = pictures_html(data, rows)
    sources = re.findall(r"base64,([^\"]+)", page)
    assert len(sources) == len(rows)
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(sources[0]))))
    assert np.array_equal(pixels, data.test.images[rows[0]["index"]])
    assert "<a>" not in page
