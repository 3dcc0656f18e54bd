"""A hash of what a job's code does, for Snakemake, which does not see edits in packages.

The syntax trees of a module and of all modules of ours that it imports, without comments,
docstrings and imports that only type checkers read: editing ``loss.py`` changes the students'
hash and not the teacher's; editing a comment changes none.
"""

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from erde.running.asking.versions import installed_version
from erde_core.scores.fitted import TEMPERED
from erde_core.scores.table import SCORES
from erde_torch.networks.table import family_of

PACKAGES = ("erde_core", "erde_torch", "erde")
# A new entry in a table of everything there is changes nothing for those who use another.
TABLES = ("erde_torch.networks.table", "erde_core.scores.table")


def code_hash(root: Path, *modules: str) -> str:
    """SHA-256 (16 hexadecimal digits) over ``modules`` and what they import.

    Args:
        root: the folder that holds the packages.
        modules: dotted names; a name imported from a package counts for its own file only, and
            one of ``TABLES`` does not count.

    Raises:
        FileNotFoundError: a module has no file below ``root``.
    """
    seen: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in seen and name not in TABLES:
            text = _file(root, name).read_text(encoding="utf-8")
            seen[name], imports = _stripped(text)
            waiting += _ours(root, imports)
    digest = hashlib.sha256()
    for name, source in sorted(seen.items()):
        digest.update(f"{name}\n{source}\n".encode())
    return digest.hexdigest()[:16]


def network_code_hash(
    root: Path, networks: Iterable[str], *modules: str, needs: tuple[str, ...] = ()
) -> str:
    """:func:`code_hash` of a job that builds ``networks``: with the families in use, what the
    table says of these networks, and the versions of what their families, or the job, need."""
    names = sorted(set(networks))
    families = {name: family_of(name) for name in names}
    used = {family.module for family in families.values()}
    facts: list[object] = [
        (
            name,
            families[name].builder,
            families[name].blocks.get(name),
            _versions(families[name].needs),
        )
        for name in names
    ]
    facts += [(needs, _versions(needs))] if needs else []
    code = code_hash(root, *modules, *used)
    return hashlib.sha256(f"{code} {facts}".encode()).hexdigest()[:16]


def script_hash(path: Path) -> str:
    """Of the script at ``path`` itself, as :func:`code_hash` counts a module; 16 digits too."""
    text, _ = _stripped(path.read_text(encoding="utf-8"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def score_modules(*labels: str) -> tuple[str, ...]:
    """The modules of the scores with these labels."""
    names = sorted({label.removesuffix(TEMPERED) for label in labels})
    return tuple(SCORES[name].module for name in names)


def _versions(needs: Iterable[str]) -> list[str | None]:
    """Of distributions; None where one is missing."""
    return [installed_version(name) for name in needs]


def _file(root: Path, module: str) -> Path:
    path = root.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def _stripped(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What of a module's text counts, and what it imports: ``(module, name from it or "")``.

    Kept, for many jobs of one plan import the same modules.
    """
    tree = ast.parse(text)
    _strip(tree)
    return ast.unparse(tree), tuple(_imports(tree))


def _strip(tree: ast.AST) -> None:
    """Remove docstrings, and of ``if TYPE_CHECKING:`` all but what runs."""
    for node in _statements(tree):
        if hasattr(node, "body"):
            kept = [r for s in node.body for r in (s.orelse if _is_type_checking(s) else [s])]
            node.body = kept[1:] if kept and _is_text(kept[0]) else kept


def _statements(tree: ast.AST) -> Iterator[Any]:
    """``tree`` and all statements below it; the body of one may be changed when it is given.

    No expression holds a statement: they, most of a tree, are not looked into.
    """
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, part, None)  # the body of a lambda is an expression
            waiting += inner if isinstance(inner, list) else []


def _is_text(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _is_type_checking(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.If)
        and isinstance(statement.test, ast.Name)
        and statement.test.id == "TYPE_CHECKING"
    )


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def _ours(root: Path, imports: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The modules of ours among them; a name that has a file is a module itself."""
    for module, name in imports:
        if module.split(".")[0] in PACKAGES:
            inner = f"{module}.{name}"
            yield inner if name and _file(root, inner).exists() else module
