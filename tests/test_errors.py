"""Errors that speak to a user are ``ErdeError``: a job tells them from mistakes of the program."""

import ast
from pathlib import Path

from erde.deployment.program import INT8_PROGRAM_FILES
from erde_core.errors import ErdeError
from erde_torch.training.checkpoint import CheckpointError

REPOSITORY = Path(__file__).parents[1]
FOLDERS = ("erde_core", "erde_torch", "erde", "workflow/scripts", "studies")
# A deployment carries these along, and they run there without the package.
CARRIED = {path.resolve() for path in INT8_PROGRAM_FILES.values()}
PLAIN = {"ValueError", "RuntimeError", "Exception"}
# Errors of files that are carried along, and a training that was asked to stop: no error.
OTHER_KINDS = {"ImageError", "ManifestError", "Interrupted"}


def trees():
    for folder in FOLDERS:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            if path.resolve() not in CARRIED:
                yield path.relative_to(REPOSITORY), ast.parse(path.read_text(encoding="utf-8"))


def plain_raises(tree):
    """Lines that raise what a mistake of the program raises too."""
    for node in ast.walk(tree):
        raised = node.exc if isinstance(node, ast.Raise) else None
        called = raised.func if isinstance(raised, ast.Call) else raised
        if isinstance(called, ast.Name) and called.id in PLAIN:
            yield node.lineno


def classes_of_errors(tree):
    """Names of exception classes, with the names of their bases."""
    for node in ast.walk(tree):
        bases = [ast.unparse(b) for b in getattr(node, "bases", [])]
        if isinstance(node, ast.ClassDef) and any(b.endswith(("Error", "Exit")) for b in bases):
            yield node.name, bases


def test_no_error_for_the_user_is_a_plain_one():
    found = [(str(path), line) for path, tree in trees() for line in plain_raises(tree)]
    assert found == []


def test_every_class_of_errors_is_an_erde_error():
    found = dict(pair for _, tree in trees() for pair in classes_of_errors(tree))
    assert len(found) > 10
    found.pop("ErdeError")
    others = {name for name, bases in found.items() if "ErdeError" not in bases}
    assert others <= OTHER_KINDS


def test_an_erde_error_is_what_the_docstrings_say():
    assert issubclass(ErdeError, ValueError)
    assert issubclass(CheckpointError, ErdeError)
    assert issubclass(CheckpointError, OSError)


def test_a_plain_raise_is_found():
    tree = ast.parse("def f(x):\n    raise ValueError(x)\ndef g(x):\n    raise ErdeError(x)\n")
    assert list(plain_raises(tree)) == [2]
