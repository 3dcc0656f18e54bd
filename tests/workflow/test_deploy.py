"""``snakemake results/<experiment>/deploy/<variant>-seed<n>/`` ships one student."""

import json
import shutil

import h5py

from erde.deployment.runner import Runner
from erde_core.store.exit_logits import read_exit_logits

TARGET = "results/tiny/deploy/erde-seed0/"


def test_a_student_is_shipped_and_checked(finished):
    folder = finished.root / TARGET
    runner = Runner(folder)
    manifest = runner.manifest
    assert (manifest["experiment"], manifest["network"]) == ("tiny", "erde-seed0")
    assert len(manifest["curve"]) <= 200
    assert "pillow" not in manifest["versions"]  # no files decided these pixels
    assert json.loads((folder / "manifest.json").read_text())["files"].keys() >= {"run.py"}
    log = (finished.root / "results/tiny/logs/deploy/erde-seed0.log").read_text(encoding="utf-8")
    for name in ("staged PyTorch", "staged ONNX", "single ONNX"):
        assert f"{name}: 0 of 12000 decisions differ" in log
    with h5py.File(finished.root / "results/tiny/data.h5") as file:
        images = file["test/images"][:100]
    exits = read_exit_logits(finished.root / "results/tiny/erde/seed0/exit_logits.h5")
    label, _, exit_taken = runner.predict(images, 0.0)
    assert (exit_taken == 3).all()
    assert (label == exits.test.logits[:100, 3].argmax(1)).mean() > 0.98
    teacher = read_exit_logits(finished.root / "results/tiny/teacher/exit_logits.h5")
    assert manifest["teacher_macs"] == teacher.macs[-1]
    assert finished.plan(TARGET) == {}


def test_own_files_stay_when_the_rule_runs_again(finished):
    folder = finished.root / TARGET
    (folder / "notes.txt").write_text("mine")
    (folder / "more").mkdir()
    (folder / "more/photo.png").write_text("mine too")
    before = (folder / "manifest.json").stat().st_mtime_ns
    # A run that was killed in the rule leaves Snakemake's copy of the folder behind.
    shutil.copytree(folder, finished.root / ".snakemake/backups" / TARGET)
    lists = finished.root / ".snakemake/erde_planned"
    known = set(lists.iterdir())
    finished.snakemake("--cores", "2", "--forcerun", "deploy", "--", TARGET)
    assert set(lists.iterdir()) <= known  # a run that made all it had listed takes its list away
    assert (folder / "manifest.json").stat().st_mtime_ns > before
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "more/photo.png").read_text() == "mine too"
    assert [path.name for path in folder.parent.glob(".*")] == []


def test_a_failed_rule_leaves_the_folder_as_it_was(finished):
    """The folder of the test before, notes included."""
    folder = finished.root / TARGET
    before = contents(folder)
    manifest = finished.root / "erde_torch/export/manifest.py"
    code = manifest.read_text()
    manifest.write_text(code.replace('"teacher_macs": teacher_macs', '"teacher_macs": -1'))
    try:
        done = finished.snakemake("--cores", "2", TARGET, check=False)
        assert finished.plan(TARGET) == {"deploy": 1}  # it was put back, and is not what was asked
    finally:
        manifest.write_text(code)
    assert done.returncode
    assert "teacher_macs must be null or a whole number >= 1, got -1" in done.stdout + done.stderr
    assert contents(folder) == before


def contents(folder):
    """{path: bytes} of all files; our own and others'."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in files}


def test_an_unknown_variant_is_refused(finished):
    done = finished.snakemake("--dry-run", "results/tiny/deploy/nothing-seed0/", check=False)
    assert done.returncode
    assert "has no variant 'nothing'; known: " in done.stdout + done.stderr
