"""What ``make clean`` removes, and that it says so."""

import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.mark.parametrize("linked", [False, True])
def test_clean_removes_results_also_behind_a_link(tmp_path, linked):
    clone, results = tmp_path / "clone", tmp_path / "disk" if linked else tmp_path / "clone/results"
    clone.mkdir()
    shutil.copy(REPOSITORY / "Makefile", clone)
    (results / "digits/teacher").mkdir(parents=True)
    if linked:
        (clone / "results").symlink_to(results)
    for name in ("README.md", "digits_pareto.png", "digits/teacher/weights.safetensors"):
        (results / name).write_text(name, encoding="utf-8")
    done = subprocess.run(["make", "clean"], cwd=clone, capture_output=True, text=True, check=True)
    assert [path.name for path in results.rglob("*")] == ["README.md"]
    assert f"Removing 2 files under {clone}/results" in done.stdout
