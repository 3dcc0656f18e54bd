"""Packed curves hold every operating point, exactly."""

import base64
import dataclasses

import numpy as np

from erde.report.curves import curve
from erde_core.outcomes import split_sweep
from tests.erde.evaluation.networks import network


def unpack(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


def test_every_point_is_there():
    student = network(1)
    points, packed = split_sweep(student.test, student.macs), curve(student)
    assert packed["type"] == "u2"
    assert np.array_equal(unpack(packed["right"], "<u2") / 200, points.accuracy)
    leaves = unpack(packed["leaves"], "<u2").reshape(-1, 3)
    assert np.array_equal(leaves / 200, points.exit_share)
    between = unpack(packed["scores"], "<f8")
    assert len(between) == len(points) - 1
    assert (points.threshold[:-1] <= between).all()
    assert (between < points.threshold[1:]).all()


def test_many_images_need_wider_numbers():
    student = network(1, samples=4)
    many = [
        np.tile(a, (20_000,) + (1,) * (a.ndim - 1))
        for a in (student.test.logits, student.test.labels, student.test.group)
    ]
    split = dataclasses.replace(
        student.test, **dict(zip(("logits", "labels", "group"), many, strict=True))
    )
    packed = curve(dataclasses.replace(student, test=split))
    assert packed["type"] == "u4"
    assert unpack(packed["leaves"], "<u4").reshape(-1, 3).sum(axis=1).tolist() == [80_000] * (
        len(unpack(packed["scores"], "<f8")) + 1
    )
