"""What a job's code hash is made of, so that the job itself can make it again."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from erde.running.code_hash import PACKAGES, code_hash, network_code_hash
from erde_torch.networks.table import family_of

_FOLDERS = (*PACKAGES, "workflow/scripts")


@dataclass(frozen=True)
class Recipe:
    """The arguments of a code hash.

    Attributes:
        modules: dotted names.
        networks: names of the networks that the job builds; None for a job that builds none.
        needs: distributions whose versions count, beside those of the networks.
    """

    modules: tuple[str, ...]
    networks: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()

    def code_hash(self, root: Path) -> str:
        """Of the code below ``root`` as it is now."""
        if self.networks is None:
            return code_hash(root, *self.modules)
        return network_code_hash(root, self.networks, *self.modules, needs=self.needs)

    @property
    def libraries(self) -> tuple[str, ...]:
        """All distributions whose versions count."""
        families = [family_of(name) for name in self.networks or ()]
        return tuple(dict.fromkeys((*self.needs, *(n for f in families for n in f.needs))))


def tree_hash(root: Path) -> str:
    """SHA-256 over the bytes of every Python file of the packages and of the workflow's scripts.

    A hundred times as quick as a code hash: where it is the same, all code hashes are.
    """
    digest = hashlib.sha256()
    for folder in _FOLDERS:
        for path in sorted(_python_files(os.path.join(root, folder))):
            with open(path, "rb") as file:
                content = file.read()
            digest.update(f"{os.path.relpath(path, root)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _python_files(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _python_files(entry.path)
            elif entry.name.endswith(".py"):
                yield entry.path
