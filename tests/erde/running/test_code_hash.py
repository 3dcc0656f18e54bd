import ast
import dataclasses
import shutil
from importlib import metadata
from pathlib import Path

import pytest

from erde.running.code_hash import code_hash, network_code_hash
from erde_torch.networks.table import NETWORKS

REPOSITORY = Path(__file__).parents[3]
FILES = {
    "erde_torch/__init__.py": "",
    "erde_torch/top.py": '''
"""Module docstring."""

from typing import TYPE_CHECKING

import numpy as np

from erde_core import middle
from erde_torch.other import helper

if TYPE_CHECKING:
    from erde_torch.annotated import Thing


class Top:
    """Class docstring."""

    def method(self, thing: "Thing") -> int:
        """Method docstring."""
        return middle.double(helper(thing))  # a comment
''',
    "erde_torch/other.py": "def helper(thing):\n    return 1\n",
    "erde_torch/annotated.py": "class Thing:\n    size = 1\n",
    "erde_torch/stranger.py": "value = 1\n",
    "erde_core/__init__.py": "from erde_core.deep import leaf\n",
    "erde_core/middle.py": """
def double(x):
    from erde_core import deep
    return deep.leaf(x)
""",
    "erde_core/deep.py": "def leaf(x):\n    return 2 * x\n",
}


@pytest.fixture
def tree(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def edited(tree, name, old, new):
    path = tree / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return code_hash(tree, "erde_torch.top")


NOTHING = [
    ("erde_torch/top.py", "# a comment", "# another"),
    ("erde_torch/top.py", "Module docstring", "Better words"),
    ("erde_torch/top.py", "Class docstring", "Better words"),
    ("erde_torch/top.py", '        """Method docstring."""\n', ""),
    ("erde_torch/top.py", "\n\n\nclass", "\n\n\n\n\nclass"),
    ("erde_torch/top.py", "import Thing", "import Thing, Other"),
    ("erde_torch/annotated.py", "size = 1", "size = 2"),
    ("erde_torch/stranger.py", "value = 1", "value = 2"),
    ("erde_core/deep.py", "return 2 * x", "return (2 * x)  # brackets"),
]


@pytest.mark.parametrize(("name", "old", "new"), NOTHING)
def test_words_change_nothing(tree, name, old, new):
    before = code_hash(tree, "erde_torch.top")
    assert edited(tree, name, old, new) == before


CHANGES = [
    ("erde_torch/top.py", "double(helper(thing))", "double(helper(thing) + 1)"),
    ("erde_torch/other.py", "return 1", "return 2"),
    ("erde_core/middle.py", "leaf(x)", "leaf(x) + 1"),
    ("erde_core/deep.py", "return 2 * x", "return 3 * x"),  # imported inside a function
    ("erde_core/deep.py", "    return 2 * x", "    return 2 * x\n\n\nleaf = abs"),
]


@pytest.mark.parametrize(("name", "old", "new"), CHANGES)
def test_code_changes_the_hash(tree, name, old, new):
    before = code_hash(tree, "erde_torch.top")
    assert edited(tree, name, old, new) != before


def test_what_runs_instead_of_type_checking_counts(tree):
    path = tree / "erde_torch" / "top.py"
    text = path.read_text(encoding="utf-8")
    checked = "    from erde_torch.annotated import Thing\n"
    run = "else:\n    from erde_torch.stranger import value\n"
    path.write_text(text.replace(checked, checked + run), "utf-8")
    before = code_hash(tree, "erde_torch.top")
    assert edited(tree, "erde_torch/stranger.py", "value = 1", "value = 2") != before
    before = code_hash(tree, "erde_torch.top")
    assert edited(tree, "erde_torch/annotated.py", "size = 1", "size = 2") == before


def test_hash_is_of_all_modules_together(tree):
    both = code_hash(tree, "erde_torch.top", "erde_torch.stranger")
    assert both == code_hash(tree, "erde_torch.stranger", "erde_torch.top")
    assert both != code_hash(tree, "erde_torch.top")
    assert len(both) == 16


def test_package_itself(tree):
    before = code_hash(tree, "erde_core")
    edited(tree, "erde_core/deep.py", "2 * x", "3 * x")
    assert code_hash(tree, "erde_core") != before


def test_what_several_jobs_import_is_parsed_once(tree, monkeypatch):
    """A plan asks for many hashes, and most of their modules are the same."""
    leaf = tree / "erde_core/deep.py"
    leaf.write_text(leaf.read_text(encoding="utf-8") + f"PLACE = {str(tree)!r}\n", "utf-8")
    parsed = []
    parse = ast.parse
    monkeypatch.setattr(ast, "parse", lambda text, *more: parsed.append(text) or parse(text, *more))
    for job in ("erde_torch.top", "erde_core.middle", "erde_core.deep"):
        code_hash(tree, job)
    assert len([text for text in parsed if "PLACE" in text]) == 1


def test_missing_module(tree):
    with pytest.raises(FileNotFoundError, match=r"absent\.py"):
        code_hash(tree, "erde_torch.absent")


@pytest.fixture
def copy(tmp_path):
    for package in ("erde_core", "erde_torch", "erde"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / package, tmp_path / package, ignore=ignore)
    return tmp_path


STUDENT, TEACHER = "erde_torch.training.student", "erde_torch.training.teacher"
CACHE, VERIFY = "erde_torch.teacher_cache.fill", "erde_torch.teacher_cache.verify"
ANSWERS, SWEEP, PICTURE = (
    "erde_torch.networks.exit_logits",
    "erde.evaluation.pareto",
    "erde.pictures.pareto",
)
# Module → (stages that an edit in it must run again, stages that it must not).
REACHES = {
    "erde_torch/loss.py": ({STUDENT}, {TEACHER, CACHE, ANSWERS, SWEEP}),
    "erde_torch/training/loop.py": ({STUDENT, TEACHER}, {CACHE, ANSWERS, SWEEP}),
    "erde_torch/networks/build.py": ({STUDENT, TEACHER, CACHE, ANSWERS}, {SWEEP}),
    "erde_torch/networks/viewed_images.py": ({STUDENT, TEACHER, CACHE, VERIFY}, {SWEEP}),
    "erde_core/views.py": ({STUDENT, TEACHER, CACHE}, {SWEEP}),
    "erde_core/sweep.py": ({SWEEP}, {STUDENT, TEACHER, CACHE}),
    "erde/experiment/schema.py": (set(), {STUDENT, TEACHER, CACHE, SWEEP}),
    "erde_torch/networks/table.py": (set(), {STUDENT, TEACHER, CACHE, ANSWERS}),
    "erde/pictures/pareto.py": ({PICTURE}, {STUDENT, TEACHER, SWEEP}),
}


@pytest.mark.parametrize("module", REACHES)
def test_stages_of_this_repository(copy, module):
    again, same = REACHES[module]
    before = {stage: code_hash(copy, stage) for stage in again | same}
    with (copy / module).open("a", encoding="utf-8") as file:
        file.write("\n\nADDED = 1\n")
    changed = {s for s, found in before.items() if code_hash(copy, s) != found}
    assert changed == again


FAMILIES = "erde_torch/networks/families"


def family_hashes(copy):
    return {
        name: network_code_hash(copy, [name], TEACHER)
        for name in ("resnet10", "resnet34", "resnet8x4", "wrn16_1", "timm/resnet18")
    }


def test_a_new_family_runs_nothing_again(copy):
    before = family_hashes(copy)
    (copy / FAMILIES / "mine.py").write_text("def backbone():\n    return None\n", "utf-8")
    table = copy / "erde_torch/networks/table.py"
    entry = '    "mine": Family(builder="erde_torch.networks.families.mine:backbone"),\n'
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("NETWORKS = {\n", "NETWORKS = {\n" + entry), "utf-8")
    assert table.read_text(encoding="utf-8") != text
    assert family_hashes(copy) == before


@pytest.mark.parametrize(
    ("family", "users"),
    [
        ("wide_resnet", {"wrn16_1"}),
        ("timm_stages", {"timm/resnet18"}),
        ("resnet", {"resnet10", "resnet34", "resnet8x4"}),  # the last has its blocks
        ("mobilenet_v2", set()),
        ("layers", {"resnet10", "resnet34", "resnet8x4", "wrn16_1", "timm/resnet18"}),
    ],
)
def test_an_edit_of_a_family_reaches_its_users_only(copy, family, users):
    before = family_hashes(copy)
    with (copy / FAMILIES / f"{family}.py").open("a", encoding="utf-8") as file:
        file.write("\n\nADDED = 1\n")
    after = family_hashes(copy)
    assert {name for name in before if before[name] != after[name]} == users


def test_what_the_table_says_of_a_network_counts_for_it(copy, monkeypatch):
    before = family_hashes(copy)
    deeper = dict(NETWORKS["resnet"].blocks) | {"resnet10": (1, 1, 1, 2)}
    changed = dataclasses.replace(NETWORKS["resnet"], blocks=deeper)
    monkeypatch.setitem(NETWORKS, "resnet", changed)
    after = family_hashes(copy)
    assert {name for name in before if before[name] != after[name]} == {"resnet10"}


def test_the_version_of_timm_counts_where_it_is_used(copy, monkeypatch):
    before = family_hashes(copy)
    monkeypatch.setattr(metadata, "version", lambda name: "0.0")
    after = family_hashes(copy)
    assert {name for name in before if before[name] != after[name]} == {"timm/resnet18"}
