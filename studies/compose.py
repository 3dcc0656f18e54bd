"""The experiment files of the studies, composed from bases and changes.

    python -m studies.compose

writes those of both lists into studies/experiments, for use with
``snakemake --config experiments=studies/experiments``. studies/experiments.yaml says what they are.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from erde.experiment.errors import nearest
from erde.experiment.yaml_file import YamlError, read_yaml
from erde_core.errors import ErdeError
from erde_core.store.files import write_text

HERE = Path(__file__).parent
BOOK = "experiments.yaml"
RIVALS, WAYS = "rivals", "ways"  # what a line of a list may ask for besides
_WHOLE = "variants"  # replaced as a whole: a change says which variants there are


class _Plain(yaml.SafeDumper):
    """Writes what two places share twice, where YAML would refer from one to the other."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def read_book(path: Path) -> dict[str, dict[str, Any]]:
    """``bases``, ``changes`` and ``exceptions``, each a mapping of names to keys.

    Raises:
        ValueError: no such file, not the project's YAML, other parts than these three, or an
            exception of no experiment.
    """
    try:
        book: Any = read_yaml(path)
    except OSError as error:
        raise ErdeError(f"{path}: not readable: {error.strerror}") from None
    except YamlError as error:
        raise ErdeError(f"{path}: {error}") from None
    parts = ["bases", "changes", "exceptions"]
    if not isinstance(book, dict) or sorted(book) != parts:
        raise ErdeError(f"{path}: must have the parts {', '.join(parts)}, got {book!r:.80}")
    for part in parts:
        if not isinstance(book[part], dict):
            raise ErdeError(f"{path}: {part} must be a mapping of names, got {book[part]!r:.80}")
    for name in book["exceptions"]:
        try:
            compose(name, book)
        except ErdeError as error:
            raise ErdeError(f"{path}: exceptions: {error}") from None
    return book


def compose(name: str, book: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The keys of experiment ``name``: its base, its change, its exceptions.

    Raises:
        ValueError: ``name`` is no base, nor a base followed by ``_`` and a change.
    """
    for base, keys in book["bases"].items():
        change = name.removeprefix(f"{base}_")
        if name == base:
            return overlaid(keys, book["exceptions"].get(name, {}))
        if change in book["changes"] and name == f"{base}_{change}":
            changed = overlaid(keys, book["changes"][change])
            return overlaid(changed, book["exceptions"].get(name, {}))
    known = [*book["bases"], *(f"{b}_{c}" for b in book["bases"] for c in book["changes"])]
    raise ErdeError(f"experiment {name!r} must be a base or base_change; {nearest(name, known)}")


def overlaid(keys: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """``keys`` with ``change`` laid over, mapping into mapping; neither is modified."""
    result = dict(keys)
    for key, value in change.items():
        old = result.get(key)
        if isinstance(value, dict) and set(value) == {"times"}:
            result[key] = old * value["times"]
        elif isinstance(value, dict) and isinstance(old, dict) and key != _WHOLE:
            result[key] = overlaid(old, value)
        else:
            result[key] = value
    return result


def write_experiments(folder: Path, names: Iterable[str]) -> Path:
    """Write the files of ``names`` into ``folder/experiments`` and return that folder.

    Raises:
        ValueError: as :func:`read_book` and :func:`compose`; nothing was written.
    """
    book = read_book(folder / BOOK)
    texts = {name: _text(compose(name, book)) for name in names}
    target = folder / "experiments"
    target.mkdir(exist_ok=True)
    for name, text in texts.items():
        write_text(target / f"{name}.yaml", f"# Written by studies.compose from {BOOK}.\n{text}")
    return target


def _text(keys: dict[str, Any]) -> str:
    return yaml.dump(keys, Dumper=_Plain, sort_keys=False, default_flow_style=None)


def read_list(path: Path) -> list[tuple[str, str]]:
    """(experiment, what it is wanted with: ``rivals``, ``ways`` or nothing) per line.

    ``#`` starts a comment.

    Raises:
        ValueError: no such file, or a line that is not ``name``, ``name rivals`` or ``name ways``.
    """
    if not path.is_file():
        raise ErdeError(f"the study's list must be a file, got {str(path)!r}")
    steps = []
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split("#")[0].split()
        if len(words) > 2 or words[1:] not in ([], [RIVALS], [WAYS]):
            raise ErdeError(
                f"{path}: a line must be 'name', 'name rivals' or 'name ways', got {line!r}"
            )
        if words:
            steps.append((words[0], words[1] if len(words) == 2 else ""))
    return steps


def main() -> None:
    """Write the experiments of every list."""
    steps = [step for path in sorted(HERE.glob("*.txt")) for step in read_list(path)]
    print(write_experiments(HERE, [name for name, _ in steps]))


if __name__ == "__main__":
    main()
