"""Checkpoint files of one training folder: read and checked, set aside, and taken back.

One is in use, ``checkpoint.safetensors``. Those of other settings, and damaged ones, wait beside it
as ``aside-<hash>.safetensors``, the newest few of them.
"""

import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from erde_core.errors import ErdeError
from erde_torch.networks.weights import seal
from erde_torch.training.host import Host
from erde_torch.training.identity import Identity

_KEPT = 2


@dataclass
class Position:
    """Where a training stands.

    Attributes:
        epoch, step: the next step to take; ``epoch`` = number of epochs means finished.
        loss_sum: sum of this epoch's losses so far.
        history: one row per finished epoch.
        seconds: training time so far.
        threads: CPU threads that the steps so far were taken with; 0 before the first.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    threads: int = 0


class UnusableError(ErdeError):
    """A checkpoint cannot be resumed; ``identity`` is that of its training, where it is known."""

    def __init__(self, reason: str, identity: Identity | None = None) -> None:
        super().__init__(reason)
        self.identity = identity


@dataclass(frozen=True)
class Saved:
    """What a whole checkpoint holds."""

    identity: Identity
    position: Position
    tensors: dict[str, Tensor]


def read_saved(path: Path) -> Saved:
    """Read a checkpoint.

    Raises:
        UnusableError: the file cannot be read, is not ours or damaged, or of an older version.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise UnusableError(f"is damaged ({error})") from error
    identity = Identity(metadata.get("identity", ""))
    try:
        identity.parts()
    except ValueError:  # once it was a hash alone
        raise UnusableError("does not say what it depends on, as of an older version") from None
    # From damaged numbers, training would go on as if nothing was.
    noted, found = metadata.pop("seal", None), seal(metadata, tensors)
    if noted != found:
        raise UnusableError(f"is damaged (content must have SHA-256 {noted}, got {found})")
    return Saved(identity, _position(metadata.get("position", "")), tensors)


class Shelf:
    """Moves the checkpoint of ``host`` out of the way and back, and says so."""

    def __init__(self, host: Host, path: Path) -> None:
        self._host, self._path = host, path

    def set_aside(self, error: UnusableError) -> None:
        """Give the checkpoint in use another name."""
        stat = self._path.stat()
        name = error.identity.hash[:12] if error.identity else str(stat.st_mtime_ns)
        target = self._path.with_name(f"aside-{name}.safetensors")
        back = " until these settings return" if error.identity else ""
        self._host.check_held()
        os.replace(self._path, target)
        os.utime(target)  # what was in use last is removed last
        self._host.say(f"the checkpoint {error}: it waits as {target.name}{back}")

    def take_back(self, identity: Identity) -> bool:
        """Put the checkpoint of ``identity`` into use, if it waits here."""
        source = self._path.with_name(f"aside-{identity.hash[:12]}.safetensors")
        if not source.exists():
            return False
        self._host.check_held()
        os.replace(source, self._path)
        self._host.say(f"the checkpoint of these settings is taken back from {source.name}")
        return True

    def keep_few(self) -> None:
        """Remove the oldest of those that wait."""
        waiting = sorted(
            self._path.parent.glob("aside-*.safetensors"),
            key=lambda path: path.stat().st_mtime_ns,
            reverse=True,
        )
        for old in waiting[_KEPT:]:
            self._host.check_held()
            old.unlink()
            self._host.say(f"{old.name}, an older checkpoint, is removed ({_KEPT} are kept)")


def _position(text: str) -> Position:
    try:
        position = Position(**json.loads(text))
        numbers: list[Any] = [position.loss_sum, position.seconds]
        numbers += [value for row in position.history for value in row.values()]
        good = (
            {type(n) for n in (position.epoch, position.step, position.threads)} == {int}
            and position.epoch >= 0
            and position.step >= 0
            and position.threads >= 0
            and len(position.history) == position.epoch
            and all(type(n) in (int, float) and math.isfinite(n) for n in numbers)
        )
    except (ValueError, TypeError, AttributeError, RecursionError):
        good = False
    if not good:
        raise UnusableError(f"is damaged (it stands nowhere in a training: {text[:60]!r})")
    return position
