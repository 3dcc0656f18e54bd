"""A hash of what a stage's code does, for Snakemake, which does not see edits in packages.

The syntax trees of a module and of all modules of ours that it imports, without comments,
docstrings and imports that only type checkers read: editing ``loss.py`` changes the students'
hash and not the teacher's; editing a comment changes none.
"""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("erde_core", "erde_torch", "erde")


def code_hash(root: Path, *modules: str) -> str:
    """SHA-256 (16 hexadecimal digits) over ``modules`` and what they import.

    Args:
        root: the folder that holds the packages.
        modules: dotted names; a name imported from a package counts for its own file only.

    Raises:
        FileNotFoundError: a module has no file below ``root``.
    """
    seen: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            tree = ast.parse(_file(root, name).read_text(encoding="utf-8"))
            _strip(tree)
            seen[name] = ast.unparse(tree)
            waiting += _imported(root, tree)
    digest = hashlib.sha256()
    for name, source in sorted(seen.items()):
        digest.update(f"{name}\n{source}\n".encode())
    return digest.hexdigest()[:16]


def _file(root: Path, module: str) -> Path:
    path = root.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _strip(tree: ast.AST) -> None:
    """Remove docstrings, and of ``if TYPE_CHECKING:`` all but what runs."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [r for s in body for r in (s.orelse if _is_type_checking(s) else [s])]
            setattr(node, "body", kept[1:] if kept and _is_text(kept[0]) else kept)  # noqa: B010


def _is_text(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _is_type_checking(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.If)
        and isinstance(statement.test, ast.Name)
        and statement.test.id == "TYPE_CHECKING"
    )


def _imported(root: Path, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            parts = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [p if _file(root, p).exists() else node.module for p in parts]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in PACKAGES)
