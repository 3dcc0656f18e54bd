"""What is edited while a run goes on: jobs are made of what was planned, or refused."""

import copy

import pytest
import torch
import yaml

from erde_torch.networks.build import build_network
from erde_torch.networks.settings import NetworkSettings
from tests.workflow.conftest import TINY, copy_repository

AGAIN = "changed after the run was planned: start the same command again"
FILES = "workflow/experiments"
TEACHER, STUDENT = "results/tiny/teacher/weights.safetensors", "results/tiny/ce/seed0/history.csv"
GIVEN, OVERWRITTEN = (f"results/{n}/teacher/weights.safetensors" for n in ("given", "over"))
TARGETS = (TEACHER, STUDENT, GIVEN, OVERWRITTEN)
MEANWHILE = f"""
from pathlib import Path
def add(path, text):
    if text not in Path(path).read_text():
        Path(path).write_text(Path(path).read_text() + text)
add("erde_torch/training/loop.py", "# A remark.\\n")
add("erde_torch/training/student.py", "\\n\\nADDED = 1\\n")
for name in ("tiny", "given"):
    text = Path("{FILES}", name + ".yaml").read_text()
    text = text.replace("epochs: 2", "epochs: 3").replace("a.pth", "gone.pth")
    Path("{FILES}", name + ".yaml").write_text(text)
Path("b.pth").write_bytes(Path("a.pth").read_bytes())
"""


def experiments(root):
    """One that trains its teacher, and two with a file of weights each, of other content."""
    found = {"tiny": copy.deepcopy(TINY)}
    for number, (name, file) in enumerate((("given", "a.pth"), ("over", "b.pth"))):
        torch.manual_seed(number)
        network = build_network(NetworkSettings(**TINY["teacher"]["network"]), 10, (3, 16, 16))
        torch.save(network.state_dict(), root / file)
        teacher = {"network": TINY["teacher"]["network"], "trained": file}
        found[name] = TINY | {"teacher": teacher}
    return found


@pytest.fixture(scope="module")
def edited(tmp_path_factory):
    """A checkout whose code, experiments and files were edited by its first job; what it said."""
    checkout = copy_repository(tmp_path_factory.mktemp("edited"))
    for name, keys in experiments(checkout.root).items():
        checkout.write_experiment(name, keys)
    with open(checkout.root / "workflow/scripts/data.py", "a", encoding="utf-8") as script:
        script.write(MEANWHILE)
    done = checkout.snakemake("--cores", "2", "--keep-going", *TARGETS, check=False)
    return checkout, done.returncode, done.stdout + done.stderr


def test_code_and_files_are_what_was_planned_or_the_job_is_refused(edited):
    checkout, code, said = edited
    assert code == 1, said
    assert (checkout.root / TEACHER).exists(), said  # of its code a comment alone was edited
    assert not (checkout.root / STUDENT).exists()
    assert f"[tiny · ce/seed0] error: the code of this job {AGAIN}" in said
    assert not (checkout.root / OVERWRITTEN).exists()
    assert f"[over · given teacher] error: a file of the teacher {AGAIN}" in said
    assert "Traceback" not in said


def test_experiments_are_read_as_they_were_when_the_run_began(edited):
    checkout, _, _ = edited
    files = [checkout.root / FILES / f"{name}.yaml" for name in ("tiny", "given")]
    kept = [path.read_text(encoding="utf-8") for path in files]
    assert "epochs: 3" in kept[0]
    assert "gone.pth" in kept[1]
    history = (checkout.root / "results/tiny/teacher/history.csv").read_text(encoding="utf-8")
    assert history.count("\n") == 1 + 2
    assert (checkout.root / GIVEN).exists()  # made of a.pth
    for path, text in zip(files, kept, strict=True):
        path.write_text(text.replace("epochs: 3", "epochs: 2").replace("gone", "a"), "utf-8")
    try:
        assert checkout.plan(TEACHER, GIVEN) == {}
    finally:
        for path, text in zip(files, kept, strict=True):
            path.write_text(text, encoding="utf-8")


def test_the_same_command_then_makes_what_was_refused(edited):
    checkout, _, _ = edited
    for name, keys in experiments(checkout.root).items():
        if name != "over":
            checkout.write_experiment(name, keys)
    wanted = yaml.safe_load((checkout.root / FILES / "tiny.yaml").read_text(encoding="utf-8"))
    assert wanted["student"]["train"]["epochs"] == 2
    checkout.snakemake("--cores", "2", STUDENT)
    assert (checkout.root / STUDENT).read_text(encoding="utf-8").count("\n") == 1 + 2


def test_without_hooks_jobs_could_not_be_told(edited):
    checkout, _, _ = edited
    done = checkout.snakemake("--dry-run", "--no-hooks", STUDENT, check=False)
    assert done.returncode == 1
    assert "Error: --no-hooks must not be given: a hook tells" in done.stdout + done.stderr
