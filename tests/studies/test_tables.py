"""The published tables of the study: right by hand, and in step with the CSVs beside them."""

import re

import numpy as np
import pytest

from erde.datasets import cifar
from erde.datasets.folder import read_folder
from erde.datasets.images import TrainAndTest, ungrouped
from erde_core.store.tables import write_table
from studies import publish, tables, targets
from studies.figures.family import family_figure, has_family
from studies.figures.gains import gains_figure, has_gains
from studies.publish import TABLES, experiments_of, filled, keep
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
    table(tmp_path, "c", "overall", difference(-0.01, 0.02, seeds=3, new_seeds_low=-0.03),
          difference(0.01, 0.02, equal="theta", seeds=3))  # fmt: skip
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


def test_differences_have_one_interval_and_a_count(folder):
    macs, theta = tables.differences_table(folder, ["c", "none"]).splitlines()[2:]
    figures = "| +0.50 | 3 | 1.50 | -1.00 … +2.00 | -3.00 … +2.00 | 1 / 1 of 3 |"
    # Files from before there was a column that says who chose θ: the test images did.
    assert macs == f"| c | erde − kd | MACs, θ by test {figures}"
    assert theta.startswith("| c | erde − kd | θ | +1.50 |")
    table(folder, "c", "overall", difference(-0.01, 0.02, seeds=3, theta_from="validation"))
    (macs,) = tables.differences_table(folder, ["c"]).splitlines()[2:]
    assert macs.startswith("| c | erde − kd | MACs | +0.50 |")


def test_the_picture_shows_the_rows_at_equal_macs(folder):
    against_kd, against_masked = gains_figure(folder, ["none", "c"]).axes
    zero, new, these, mean = (line.get_xydata() for line in against_kd.lines)
    assert (zero[:, 0] == 0).all()
    assert new == pytest.approx(np.array([[-3, 1], [2, 1]]))
    assert these == pytest.approx(np.array([[-1, 1], [2, 1]]))
    assert mean == pytest.approx(np.array([[0.5, 1]]))
    assert len(against_masked.lines) == 1
    assert [label.get_text() for label in against_kd.get_yticklabels()] == ["none", "c"]
    table(folder, "best", "overall", {"variant": "kd", "against": "best", "equal": "macs"})
    assert [has_gains(folder, name) for name in ("c", "best", "none")] == [True, False, False]


def test_the_family_stands_beside_its_plain_networks(folder):
    for name, macs in (("c", (10, 20)), ("c_w050", (5, 10))):
        rows = [{"variant": "erde", "budget_macs": m, "accuracy": m / 50} for m in macs]
        table(folder, name, "bands", *rows, rows[0] | {"variant": "kd"})
    rivals = [
        {"kind": kind, "variant": variant, "rival_macs": 8, "rival_accuracy": 0.7}
        for kind in ("truncated", "narrow")
        for variant in ("kd", "erde")
    ]
    assert [has_family(folder, main) for main in ("c", "c_w050")] == [True, False]
    table(folder, "c_w050", "rivals", *rivals)
    assert has_family(folder, "c_w050")
    table(folder, "c", "rivals", *rivals)
    (axes,) = family_figure(folder, "c").axes
    lines = {line.get_label(): line.get_xydata().round(9).tolist() for line in axes.lines}
    assert lines == {
        "ERDE, ResNet10": [[0.25, 20], [0.5, 40]],
        "ERDE, ResNet10, half the width": [[0.125, 10], [0.25, 20]],
        "plain: cut off after an exit": [[0.2, 70]],
        "plain: narrower": [[0.2, 70]],
        "teacher, ResNet34: its exits": [[0.25, 60], [0.5, 70], [0.75, 80], [1, 90]],
    }


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (  # whose names begin alike
            {"kd_t2": 0.4, "kd_ls_t2": 0.6, "kd_ls-temperature-4": 0.5, "masked_kd_t2": 0.3},
            ["**kd_t2**", "**masked_kd_t2**", "**kd_ls_t2**", "kd_ls-temperature-4"],
        ),
        (  # single changes, named by no method
            {"base": 0.4, "self": 0.6, "conv": 0.5, "dkd": 0.1},
            ["**dkd**", "base", "**self**", "conv"],
        ),
    ],
)
def test_the_best_trial_of_each_method_is_bold_and_of_all_others(found, shown, tmp_path):
    last = {"val_last_exit_accuracy": 0.7}
    rows = ({"network": f"{n}/seed0", "val_mean_accuracy": v} | last for n, v in found.items())
    table(tmp_path, "c_tuning", "validation", *rows)
    lines = tables.settings_table(tmp_path, ["c_tuning"]).splitlines()[2:]
    assert [line.split(" | ")[1] for line in lines] == shown


def test_a_setting_of_several_seeds_is_one_row_of_means(tmp_path):
    found = {"a/seed100": (0.4, 0.6), "a/seed101": (0.5, 0.7), "b/seed100": (0.48, 0.5)}
    keys = ("val_mean_accuracy", "val_last_exit_accuracy")
    rows = ({"network": n} | dict(zip(keys, values, strict=True)) for n, values in found.items())
    table(tmp_path, "c_singles", "validation", *rows)
    lines = tables.settings_table(tmp_path, ["c_singles"]).splitlines()[2:]
    assert lines == [
        "| c_singles | a | 2 | 45.00 | 65.0 |",
        "| c_singles | **b** | 1 | 48.00 | 50.0 |",
    ]


def test_places_are_filled_and_what_is_around_them_stays(folder):
    text = "before\n<!-- table shares of c c_w050 -->\nold\n<!-- end -->\nafter\n"
    new = filled(text, folder)
    assert new.startswith("before\n<!-- table shares of c c_w050 -->\n| experiment |")
    assert new.endswith("|\n<!-- end -->\nafter\n")
    assert "| c | erde | – | 96.0 (95.0 – 97.0) | – | – | – | 90.0 |" in new
    assert filled(new, folder) == new
    assert "*not run*" in filled(text.replace("c c_w050", "none"), folder)
    assert experiments_of(text + text.replace("c c_w050", "d"), "shares") == ["c", "c_w050", "d"]
    assert experiments_of(text, "exits") == []
    with pytest.raises(ValueError, match=r"a table must be one of targets.*got 'share'"):
        filled(text.replace("shares", "share"), folder)


def test_only_what_the_tables_need_is_kept(folder, tmp_path_factory, monkeypatch):
    """And the answers of studies that took days."""
    monkeypatch.setattr(publish, "PACKED", {"c": ()})
    answers = {f"{split}/labels": np.array([0, 1]) for split in ("val", "test")}
    for name in ("c", "c_w050"):
        np.savez(folder / name / "answers.npz", **answers)
    published = tmp_path_factory.mktemp("published")
    table(folder, "c", "curves", {"budget_macs": 1})
    for name in ("areas", "validation"):
        table(folder, "c_tuning", name, {"network": 1})
    (folder / "machine_full.json").write_text("{}", encoding="utf-8")
    keep(folder, published)
    found = sorted(p.relative_to(published).as_posix() for p in published.rglob("*.*"))
    mine = [f"c/{name}.csv" for name in ("comparison", "overall", "pareto", "teacher_exits")]
    others = ["c_tuning/validation.csv", "c_w050/pareto.csv", "machine_full.json"]
    assert found == ["c/answers.npz.xz", *mine, *others]


def test_the_published_tables_are_those_of_the_csvs():
    texts = [page.read_text(encoding="utf-8") for page in sorted(PUBLISHED.glob("*.md"))]
    assert all(any(f"<!-- table {name}" in text for text in texts) for name in TABLES)
    for text in texts:
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
