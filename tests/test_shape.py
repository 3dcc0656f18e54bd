"""The size of what one reads at a time: files, folders, functions, and nothing written twice."""

import ast
import contextlib
import io
import itertools
import subprocess
import textwrap
from collections import Counter
from pathlib import Path

import pytest
from astroid.builder import AstroidBuilder
from astroid.manager import AstroidManager
from pylint.checkers.symilar import Symilar

REPOSITORY = Path(__file__).parents[1]
PACKAGES = ("erde_core", "erde_torch", "erde")
LINES_OF_A_FILE, MODULES_OF_A_FOLDER, LINES_OF_A_FUNCTION, LINES_ALIKE = 300, 16, 60, 6


def tracked(*patterns):
    """What git knows of and what is new, as paths from the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no git, or no clone")
    return [Path(name) for name in listed.stdout.splitlines() if (REPOSITORY / name).is_file()]


def lines(path):
    return (REPOSITORY / path).read_text(encoding="utf-8").splitlines()


def functions(path):
    for node in ast.walk(ast.parse("\n".join(lines(path)))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.end_lineno - node.lineno + 1


class Syntax(AstroidBuilder):
    """Reads a text as a tree, and asks nothing about the types of what it assigns."""

    def __init__(self):
        super().__init__(AstroidManager(), apply_transforms=False)

    def delayed_assattr(self, node):
        """Inferring them would read the modules that the text imports."""


def alike(texts):
    """What pylint's duplicate-code reports of ``texts``, by name; empty where nothing is."""
    finder = Symilar(
        LINES_ALIKE - 1,  # it reports what is longer
        ignore_comments=True,
        ignore_docstrings=True,
        ignore_imports=True,
        ignore_signatures=True,
    )
    syntax = Syntax()
    for name, text in texts.items():
        finder.append_stream(name, io.StringIO(text), tree=syntax.string_build(text))
    report = io.StringIO()
    with contextlib.redirect_stdout(report):
        finder.run()
    return report.getvalue().rpartition("TOTAL")[0]


def test_files_are_short():
    found = {path: len(lines(path)) for path in tracked("*.py", "*.smk", "Snakefile")}
    assert len(found) > 400
    assert {path: n for path, n in found.items() if n > LINES_OF_A_FILE} == {}


def test_folders_are_small():
    found = Counter(path.parent for path in tracked("*.py") if path.name != "__init__.py")
    assert {folder: n for folder, n in found.items() if n > MODULES_OF_A_FOLDER} == {}


def test_functions_are_short():
    found = {(path, name): n for path in tracked("*.py") for name, n in functions(path)}
    assert {place: n for place, n in found.items() if n > LINES_OF_A_FUNCTION} == {}


def test_no_two_modules_share_six_lines():
    paths = tracked(*(f"{package}/*.py" for package in PACKAGES))
    assert alike({str(path): "\n".join(lines(path)) + "\n" for path in paths}) == ""


def pieces(path):
    """The functions and methods of a file, by name and line, each as a text of its own."""
    text = lines(path)
    module = ast.parse("\n".join(text)).body
    classes = [node.body for node in module if isinstance(node, ast.ClassDef)]
    for node in itertools.chain(module, *classes):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = textwrap.dedent("\n".join(text[node.lineno - 1 : node.end_lineno]))
            yield f"{path}:{node.lineno} {node.name}", body + "\n"


def test_no_two_functions_of_a_module_share_six_lines():
    paths = tracked(*(f"{package}/*.py" for package in PACKAGES))
    several = [found for path in paths if len(found := dict(pieces(path))) > 1]
    assert len(several) > 150
    assert "".join(map(alike, several)) == ""


def test_six_lines_alike_are_found():
    body = "".join(f"    x{n} = f({n})\n" for n in range(LINES_ALIKE))
    one, two = f"def one():\n{body}", f"import os\n\n\ndef two():\n{body}    g()\n"
    assert "one.py" in alike({"one.py": one, "two.py": two})
    assert alike({"one.py": one, "two.py": two.replace("x3", "y3")}) == ""
