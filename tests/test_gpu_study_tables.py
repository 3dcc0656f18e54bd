"""The published tables of the study: right by hand, and in step with the CSVs beside them."""

import re

import numpy as np
import pytest

from benchmarks import gpu_study_tables as tables
from benchmarks import gpu_study_targets as targets
from benchmarks.gpu_study_publish import TABLES, filled, keep
from erde_core.store.tables import write_table
from erde_torch.datasets import cifar
from erde_torch.datasets.folder import read_folder
from erde_torch.datasets.images import TrainAndTest, ungrouped
from tests.workflow.conftest import REPOSITORY

PUBLISHED = REPOSITORY / "docs/results"


def table(folder, experiment, name, *rows):
    (folder / experiment).mkdir(exist_ok=True)
    write_table(folder / experiment / f"{name}.csv", list(rows))


def difference(low, high, **cells):
    names = {"variant": "erde", "against": "kd", "equal": "macs", "difference": (low + high) / 2}
    costs = {"variant_macs": 30, "against_macs": 20}
    ends = {f"{k}_{end}": v for k in KINDS for end, v in (("low", low), ("high", high))}
    return names | costs | ends | cells


KINDS = ("these_seeds", "new_seeds")


@pytest.fixture
def folder(tmp_path):
    """Two sizes of one student; the better on test is not the better on validation."""
    exits = [{"exit": e, "macs": 10 * (e + 1), "test_accuracy": 0.6 + e / 10} for e in range(4)]
    table(tmp_path, "c", "teacher_exits", *exits)
    for name, val, test in (("c", 0.7, 0.95), ("c_w050", 0.8, 0.85)):
        both = ({"seed": s, "test_accuracy": test + s / 50} for s in (0, 1))
        shared = {"variant": "erde", "teacher_share": "1/10", "val_accuracy": val}
        table(tmp_path, name, "pareto", *(shared | row for row in both))
    table(tmp_path, "c", "comparison", difference(0.01, 0.03), difference(-0.02, 0.01),
          difference(-0.02, -0.01), difference(0.01, 0.02, equal="theta"))  # fmt: skip
    return tmp_path


def test_the_best_of_the_family_is_chosen_on_validation(folder):
    assert targets.best_at(folder, "c", "1/10") == (pytest.approx(86.0 - 90.0), "erde_w050")
    assert targets.best_at(folder, "c", "1/5") is None


def test_targets_of_what_was_not_run_stay_empty(folder):
    text = targets.targets_table(folder, {"here": ("c", "none"), "there": ("none", "none")})
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:]]
    here = {row[0]: row[2] for row in rows}
    assert here["teacher, last exit, %"] == "90.0 / –"
    assert here["ERDE − KD at 20 equal budgets: interval above 0 at"] == "1 of 3 / –"
    assert here["four-exit ResNet18, % per exit"] == ""
    assert [row[3] for row in rows] == [""] * len(targets.TARGETS)


def test_exits_long_schedule_and_resnet18(folder):
    def exits(experiment, **last):
        rows = (
            {
                "variant": v,
                "seed": 0,
                "exit": e,
                "macs": 10 * e + 10,
                "test_accuracy": a - 0.1 * (3 - e),
            }
            for v, a in last.items()
            for e in range(4)
        )
        table(folder, experiment, "exits", *rows)

    exits("c_exits", with_exits=0.91, without_exits=0.93)
    exits("c_long", kd=0.95, erde=0.92)
    exits("c_resnet18", kd=0.7, erde=0.8)
    scores = (("kd/seed0", 0.5), ("erde/seed0", 0.6), ("teacher", 0.9))
    rows = ({"network": n, "val_last_exit_accuracy": a} for n, a in scores)
    table(folder, "c_long", "validation", *rows)
    assert targets.with_exits(folder, "c") == "-2.0"
    assert targets.long_schedule(folder, "c") == "+2.0 (erde)"
    assert targets.resnet18(folder, "c") == "50.0 · 60.0 · 70.0 · 80.0"


def test_differences_count_what_is_surely_above_and_below(folder):
    macs, theta = tables.differences_table(folder, ["c", "none"]).splitlines()[2:]
    assert "| MACs | +0.00 | -1.5 … +2.0 | 1.50 | 1 / 1 of 3 | 1 / 1 of 3 |" in macs
    assert "| θ | +1.50 |" in theta


def test_places_are_filled_and_what_is_around_them_stays(folder):
    text = "before\n<!-- table shares of c c_w050 -->\nold\n<!-- end -->\nafter\n"
    new = filled(text, folder)
    assert new.startswith("before\n<!-- table shares of c c_w050 -->\n| experiment |")
    assert new.endswith("|\n<!-- end -->\nafter\n")
    assert "| c | erde | – | 96.0 (95.0 – 97.0) | – | – | – | 90.0 |" in new
    assert filled(new, folder) == new
    assert "*not run*" in filled(text.replace("c c_w050", "none"), folder)
    with pytest.raises(ValueError, match=r"a table must be one of targets.*got 'share'"):
        filled(text.replace("shares", "share"), folder)


def test_only_what_the_tables_need_is_kept(folder, tmp_path_factory):
    published = tmp_path_factory.mktemp("published")
    table(folder, "c", "curves", {"budget_macs": 1})
    for name in ("areas", "validation"):
        table(folder, "c_tuning", name, {"network": 1})
    (folder / "machine_full.json").write_text("{}", encoding="utf-8")
    keep(folder, published)
    found = sorted(p.relative_to(published).as_posix() for p in published.rglob("*.*"))
    names = ("c/comparison.csv", "c/pareto.csv", "c/teacher_exits.csv", "c_w050/pareto.csv")
    assert found == [*names[:3], "c_tuning/validation.csv", names[3], "machine_full.json"]


def test_the_published_tables_are_those_of_the_csvs():
    text = (PUBLISHED / "README.md").read_text(encoding="utf-8")
    assert all(f"<!-- table {name}" in text for name in TABLES)
    assert filled(text, PUBLISHED) == text


def test_the_pages_example_writes_folders_that_can_be_read(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(6, 8, 8, 3), dtype=np.uint8)
    split = ungrouped(images, np.array([1, 0, 1, 0, 0, 1]))
    monkeypatch.setattr(cifar, "read_cifar", lambda *_: TrainAndTest(split, split, ("a", "b"), ""))
    monkeypatch.chdir(tmp_path)
    text = (PUBLISHED / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.S)
    exec(example, {})
    found = read_folder("data/cifar10", (8, 8))
    assert found.class_names == ("a", "b")
    assert np.array_equal(found.train.images, images[[1, 3, 4, 0, 2, 5]])
