"""What a rule's script imports counts in the code hash of the rule's jobs."""

import re
from pathlib import Path

import pytest

from erde.running import code_hash
from tests.workflow.conftest import REPOSITORY

RULE = re.compile(r"^(?:use )?rule (\w+).*?:\n(.*?)(?=^\S|\Z)", re.M | re.S)
SCRIPTED = {
    name: (path.parent / script[1], re.findall(r'"(erde[\w.]*)"', body[body.find("code=") :]))
    for path in sorted((REPOSITORY / "workflow/rules").glob("*.smk"))
    for name, body in RULE.findall(path.read_text(encoding="utf-8"))
    if (script := re.search(r'script:\s*"(.*?)"', body))
}
# Who runs a job, how files are written and read, and what is only said in the log.
APART = ("erde.running", "erde_core.store", "erde_core.errors", "erde_torch.device")
APART += ("erde.evaluation.tables", "erde.experiment.schema", "erde.evaluation.precisions")
FILE = "erde_torch.teachers.file"
# A teacher that is there already has its modules in the hash (code_with), and it alone.
GIVEN = {FILE, "erde_torch.teachers.answers", "erde_torch.teachers.answers_cache"}
# Only checks what another job made: a wrong answer refuses this one.
CACHE, MADE_BY = "erde_torch.teacher_cache.fill", "erde_torch.networks.exit_logits"
LEFT_OUT = {
    "data": {"erde.datasets.fingerprint", "erde.datasets.sources"},
    "cache": GIVEN,
    "verify": GIVEN,
    "exit_logits": GIVEN,
    "student": {FILE, CACHE},
    "rival": {CACHE},
    "deploy": {MADE_BY},
    "latency": {FILE, MADE_BY},
    # What these modules make are inputs here: made again, and this with them.
    "envelope": {"erde_torch.networks.weights"},
    "int8_table": {"erde_torch.int8.quantise", "erde_torch.int8.stages"},
    # One script trains the teacher or reads it; each rule has the half that it uses.
    "given_teacher": {"erde_torch.training.teacher"},
}


def imported(path):
    """The modules of ours that a script imports itself."""
    _, imports = code_hash._stripped(path.read_text(encoding="utf-8"))
    return set(code_hash._ours(REPOSITORY, imports))


def counted(modules):
    """These and what they import, as a code hash counts them."""
    seen, waiting = set(), list(modules)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            if name not in code_hash.TABLES:
                waiting += imported(code_hash._file(REPOSITORY, name))
    return seen


def test_every_script_is_held_to_a_rule():
    scripts = {script.resolve() for script, _ in SCRIPTED.values()}
    assert scripts == set(Path(REPOSITORY / "workflow/scripts").rglob("*.py"))


@pytest.mark.parametrize("rule", SCRIPTED)
def test_what_a_script_imports_is_in_the_hash(rule):
    script, modules = SCRIPTED[rule]
    missing = {name for name in imported(script) if not name.startswith(APART)} - counted(modules)
    assert missing == LEFT_OUT.get(rule, set())
