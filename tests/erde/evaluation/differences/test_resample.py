"""Variants that cannot be paired are refused."""

import dataclasses

import pytest

from erde.evaluation.differences.resample import resample_variants
from tests.erde.evaluation.networks import MACS, network


def test_what_cannot_be_paired_is_named():
    students = {(v, s): network(s) for v in ("kd", "erde") for s in (0, 1)}
    missing = {key: value for key, value in students.items() if key != ("erde", 1)}
    with pytest.raises(ValueError, match=r"variant erde must have the seeds of kd, \[0, 1\]"):
        resample_variants(missing)
    others = students | {("erde", 1): network(1, samples=100)}
    with pytest.raises(ValueError, match="erde/seed1 must be measured on the test images of kd"):
        resample_variants(others)
    wider = students | {("erde", 1): dataclasses.replace(students["erde", 1], macs=MACS * 2)}
    with pytest.raises(ValueError, match="erde/seed1 must have exits at"):
        resample_variants(wider)
