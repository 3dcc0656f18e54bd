"""docs/architecture.md is followed to the letter: what it shows, written into a copy, works."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass

import pytest

from tests.workflow.conftest import REPOSITORY, TINY, copy_repository

PAGE = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")
CODES = """
from pathlib import Path
from erde.datasets.sources import SOURCES
from erde.running.code_hash import code_hash, network_code_hash
from erde_torch.networks.table import known_names
here = Path.cwd()
trainings = ("erde_torch.training.teacher", "erde_torch.training.student",
             "erde_torch.teacher_cache.fill", "erde_torch.networks.exit_logits")
for name in ("resnet10", "resnet34", "wrn16_1", "mobilenetv2", "timm/resnet18"):
    for stage in trainings:
        print(name, stage, network_code_hash(here, [name], stage))
for name in ("digits", "cifar100", "svhn", "folder"):
    print(name, code_hash(here, SOURCES[name].module, "erde_core.store.dataset"))
"""


@dataclass(frozen=True)
class Addition:
    """What a section of the page says to do."""

    file: str
    text: str
    table_file: str
    table: str
    imports: str
    entry: str


def addition(title):
    """The section ``title`` in its parts: the new file, and the entry with its imports."""
    section = re.search(rf"^### {title}\n(.*?)(?=^### |\Z)", PAGE, re.M | re.S)[1]
    new = re.search(r"^New file `(\S+)`:\n\n```python\n(.*?)^```$", section, re.M | re.S)
    entry = re.search(
        r"^In `(\S+)`, the (import and the )?entry of `(\w+)`:\n\n```python\n(.*?)^```$",
        section,
        re.M | re.S,
    )
    imports, _, lines = entry[4].partition("\n\n") if entry[2] else ("", "", entry[4])
    return Addition(new[1], new[2], entry[1], entry[3], imports, lines)


class Copy:
    """A copy of the packages, in which one follows the page and asks what came of it."""

    def __init__(self, checkout):
        self.checkout, self.root = checkout, checkout.root

    def follow(self, title):
        added = addition(title)
        file = self.root / added.file
        assert not file.exists()
        file.write_text(added.text, encoding="utf-8")
        table = self.root / added.table_file
        text = table.read_text(encoding="utf-8")
        head, end, rest = text.partition(f"\n{added.table}")
        assert end, added.table
        entries, end, rest = rest.partition("\n}\n")
        assert end, added.table
        if added.imports:
            head = head.replace("\nfrom erde", f"\n{added.imports}\nfrom erde", 1)
        text = f"{head}\n{added.table}{entries}\n{added.entry.rstrip()}\n}}\n{rest}"
        table.write_text(text, encoding="utf-8")

    def answers(self, code):
        """What ``code`` prints where the copy's packages are the only ones of ours."""
        path = os.pathsep.join((str(self.root), str(REPOSITORY)))  # the second for tests/
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def copy(tmp_path):
    return Copy(copy_repository(tmp_path))


@pytest.fixture(scope="module")
def codes(tmp_path_factory):
    """The hashes of what was there before."""
    return Copy(copy_repository(tmp_path_factory.mktemp("as_it_is"))).answers(CODES)


@pytest.mark.parametrize(
    "title", ["A data set", "A network family", "An exit score", "A section of the report"]
)
def test_an_addition_trains_and_prepares_nothing_again(copy, codes, title):
    copy.follow(title)
    assert len(codes.splitlines()) == 24
    assert copy.answers(CODES) == codes
    for linter in (["check"], ["format", "--check"]):
        options = ["--no-cache", "--config", REPOSITORY / "pyproject.toml"]
        command = [sys.executable, "-m", "ruff", *linter, *options, addition(title).file]
        done = subprocess.run(command, cwd=copy.root, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_data_set_is_accepted_prepared_and_planned(copy):
    copy.follow("A data set")
    code = """
from pathlib import Path
from erde.commands.schema import experiment_schema
from erde.datasets.sources import prepare, source_settings
from erde_core.images import check_dataset
settings = source_settings({"name": "stripes", "train_images": 25})
made, facts = prepare(settings, Path("unused")), settings.facts()
check_dataset(made)
print([len(s) for s in (made.train, made.val, made.test)], made.train.images.shape[1:])
print([facts.train, facts.val, facts.test], (facts.height, facts.width, facts.channels))
print(len(made.class_names) == facts.classes, "StripesSettings" in experiment_schema()["$defs"])
"""
    assert copy.answers(code).splitlines() == 2 * ["[120, 30, 120] (16, 16, 1)"] + ["True True"]
    copy.checkout.write_experiment("lines", TINY | {"dataset": {"name": "stripes"}})
    planned = copy.checkout.plan("results/lines_pareto.png")
    assert (planned["data"], planned["teacher"], planned["student"]) == (1, 1, 3)
    wrong = TINY | {"dataset": {"name": "stripes", "train_images": 5}}
    copy.checkout.write_experiment("wrong", wrong)
    refused = copy.checkout.snakemake("-n", "results/wrong_pareto.png", check=False)
    assert "dataset.train_images: must be greater than or equal to 20, got 5" in refused.stdout


def test_a_family_is_built_counted_taken_apart_and_planned(copy):
    copy.follow("A network family")
    code = """
import torch
from erde_torch.networks.build import build_network
from erde_torch.networks.macs import exit_macs
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.staged import StagedNetwork
settings = NetworkSettings(name="plain6", head="linear", exits=(0, "1.0"))
network = build_network(settings, 10, (3, 32, 32)).eval()
images = torch.randn(4, 3, 32, 32)
with torch.no_grad():
    logits = network(images)
print(settings.exit_count, tuple(logits.shape))
print(exit_macs(network, (3, 32, 32)).tolist())
last = StagedNetwork(network).predict(images, thresholds=0.0)
print((last.label == logits[:, -1].argmax(1)).all().item())
"""
    shape, macs, same = copy.answers(code).splitlines()
    assert shape == "3 (4, 3, 10)"
    # Stem 3→32, two of 32→32, a head of 16×16×32 features; then 16×16, 8×8, and heads.
    stage0 = 32 * 32 * 9 * (3 * 32 + 2 * 32 * 32) + 16 * 16 * 32 * 10
    stage1 = stage0 + 16 * 16 * 9 * 32 * 64 + 8 * 8 * 64 * 10
    end = stage1 + 16 * 16 * 9 * 64 * 64 + 8 * 8 * 9 * (64 * 128 + 128 * 128) + 128 * 10
    assert macs == str([stage0, stage1, end])
    assert same == "True"
    network = {"network": {"name": "plain6", "width": 0.25}}
    parts = {part: TINY[part] | network for part in ("teacher", "student")}
    copy.checkout.write_experiment("plain", TINY | parts)
    assert copy.checkout.plan("results/plain_pareto.png")["student"] == 3


def test_a_score_is_swept_chosen_and_tempered(copy):
    copy.follow("An exit score")
    code = """
import numpy as np
from erde_core import exit_indices
from erde_core.outcomes import right_answers, split_sweep
from erde_core.scores.fitted import fit_score
from erde_core.scores.split import chosen_split
from erde_core.store.exit_logits import SplitLogits
rng = np.random.default_rng(0)
labels = rng.integers(5, size=400)
logits = rng.normal(size=(400, 3, 5)).astype(np.float32)
logits[np.arange(400), :, labels] += [0.5, 1, 2]
val, macs = SplitLogits(logits, labels, np.arange(400)), np.array([10, 20, 30])
score = fit_score("ratio", logits, labels)
p = np.exp(logits.astype(np.float64)); p /= p.sum(axis=2, keepdims=True); p.sort(axis=2)
print(np.abs(score.values(logits) - p[..., -2] / p[..., -1]).max() < 1e-12)
points = split_sweep(val, macs, score)
middle = len(points.threshold) // 2
taken = exit_indices(score.values(logits), points.threshold[middle])
right = right_answers(val)[np.arange(400), taken]
print(right.mean() == points.accuracy[middle], len(points.threshold) > 100)
print(fit_score("ratio_tempered", logits, labels).temperatures.shape)
print(chosen_split(["ratio"], val, macs).score.name)
"""
    assert copy.answers(code).splitlines() == ["True", "True True", "(3,)", "ratio"]


def test_a_section_stands_on_the_page(copy):
    copy.follow("A section of the report")
    code = """
import re
from erde.report.page import report_page
from tests.erde.report.sources import TEACHER_MACS, source
made = source(seeds=(0,), rivals=False, latency=False)
page = report_page(made)
print(re.findall(r'<section id="(\\w+)">', page)[-1], '<a href="#teacher">' in page)
body = page[page.index('<section id="teacher">'):page.index('<script type="application/json"')]
costs = [f">{macs / 1e6:.1f}</td>" in body for macs in TEACHER_MACS]
print(re.findall(r">(exit \\d)</td>", body), costs)
"""
    place, rows = copy.answers(code).splitlines()
    assert place == "teacher True"
    assert rows == "['exit 0', 'exit 1', 'exit 2'] [True, True, True]"
