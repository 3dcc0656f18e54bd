"""Files that changed after they were checked: no training and no table is made from them."""

import copy
import os
import shutil

import h5py
import pytest

from tests.workflow.conftest import TINY


@pytest.fixture
def damaged(finished):
    """``damaged(path)``: open for a change that leaves no trace in the file's times."""
    saved = []

    def change(path, how):
        path = finished.root / path
        times = path.stat()
        shutil.copy2(path, f"{path}.saved")
        saved.append(path)
        with h5py.File(path, "r+") as file:
            how(file)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    yield change
    for path in saved:
        os.replace(f"{path}.saved", path)


def flip_signs(file):
    file["logits"][:, ::3] *= -1


NEW = (
    "results/tiny/late/seed0/weights.safetensors",
    "results/tiny/rivals/truncated1/seed0/weights.safetensors",
)


@pytest.mark.parametrize("target", NEW)
def test_nobody_trains_on_a_cache_that_was_damaged_after_its_check(finished, damaged, target):
    keys = copy.deepcopy(TINY)
    keys["variants"]["late"] = {"method": "kd", "temperature": 2}
    damaged("results/tiny/teacher_logits.h5", flip_signs)
    finished.write_experiment("tiny", keys)
    try:
        assert finished.plan(target).keys() <= {"student", "rival"}  # the check is not due again
        done = finished.snakemake("--cores", "1", target, check=False)
    finally:
        finished.write_experiment("tiny", TINY)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "teacher_logits.h5: content must have SHA-256" in said
    assert "the file is damaged: delete it, and the next run makes it anew" in said
    assert "Traceback" not in said
    assert not (finished.root / target).exists()


def test_another_name_of_the_host_checks_nothing_again(finished):
    """Its users rename machines, and containers have a new name each time."""
    site = finished.root / "sitecustomize.py"
    site.write_text("import platform\nplatform.node = lambda: 'elsewhere'\n", encoding="utf-8")
    try:
        assert finished.plan("results/tiny_pareto.png") == {}
    finally:
        site.unlink()
