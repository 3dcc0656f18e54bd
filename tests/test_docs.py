"""The examples in the documentation run as they stand."""

import re
from pathlib import Path

import pytest
import torch
import yaml

from erde.experiment.schema import parse_experiment

REPOSITORY = Path(__file__).parents[1]


def blocks(page):
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.S)


def test_the_loop_trains_and_the_check_holds():
    torch.manual_seed(0)
    loop, check = blocks("docs/own-loop.md")

    class Exits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.heads = torch.nn.ModuleList(torch.nn.Linear(6, 3) for _ in range(2))

        def forward(self, images):
            return [head(images) for head in self.heads]

    student, teacher = Exits(), Exits()
    before = [p.clone() for p in student.parameters()]
    names = {
        "loader": [(torch.randn(5, 6), torch.randint(3, (5,)))],
        "student": student,
        "teacher": teacher,
        "optimiser": torch.optim.SGD(student.parameters(), 0.1),
    }
    exec(loop, names)
    assert all((a != b).any() for a, b in zip(before, student.parameters(), strict=True))
    assert all(p.grad is None for p in teacher.parameters())
    exec(check, {})  # asserts by itself


def test_the_readmes_example_runs():
    (example,) = blocks("README.md")
    names = {}
    exec(example, names)
    assert names["loss"].shape == (500, 4)
    assert names["points"].mean_macs[0] == 256


def test_the_readmes_experiment_is_accepted():
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (experiment,) = re.findall(r"```yaml\n(.*?)```", text, re.S)
    assert parse_experiment(yaml.safe_load(experiment), "README").variants["erde"].reads_cache


def test_the_page_on_security_names_all_that_unpickles():
    """And PyTorch's unpickler is asked for the restricted one alone."""
    page = (REPOSITORY / "SECURITY.md").read_text(encoding="utf-8")
    calls = re.compile(r"pickle\.Unpickler|\bpickle\.loads?\(|torch\.load\(.*|allow_pickle=True")
    folders = ("erde_core", "erde_torch", "erde", "workflow", "studies", "benchmarks")
    files = (path for folder in folders for path in (REPOSITORY / folder).rglob("*.py"))
    found = {call for path in files for call in calls.findall(path.read_text(encoding="utf-8"))}
    by_torch = {call for call in found if call.startswith("torch.load")}
    assert found - by_torch == {"pickle.Unpickler"}  # erde/datasets/restricted_pickle.py
    assert all("weights_only=True" in call for call in by_torch)
    assert "CIFAR archives" in page
    assert "`torch.load` with `weights_only=True`" in page


def test_the_decision_example_runs():
    example, scores = blocks("docs/decision.md")
    exec(example, names := {})
    assert 0 < names["certified"] < 4.7
    assert names["each"].shape == (3,)
    exec(scores, names := {})
    assert 0 < names["certificate"].threshold <= names["found"].score.largest
    assert names["certificate"].units == 1000


def test_the_deployment_examples_run():
    pytest.importorskip("timm")
    use, own = blocks("docs/deploy.md")
    names = {}
    exec(use, names)
    assert names["found"].label.shape == (64,)
    exec(own, names := {})
    assert names["found"].exit.shape == (8,)


def test_the_macs_of_the_scaling_page_are_counted(capsys):
    (example,) = blocks("docs/scaling.md")
    exec(example, {})
    counted = [int(number) for number in re.findall(r"\d+(?=\.)", capsys.readouterr().out)]
    text = (REPOSITORY / "docs/scaling.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ResNet\d+, ImageNet stem \|(.*)\|.*\|$", text, re.M)
    written = [int(cell.replace(",", "")) for row in rows for cell in row.split("|")]
    assert len(counted) == 8
    assert all(abs(a - b) <= 1 for a, b in zip(counted, written, strict=True))
