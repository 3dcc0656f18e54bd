"""The state of an unfinished training: written whole, tied to what made it.

A checkpoint carries the identity (configuration, code, data and device) of its training. One of
another identity is not resumed, since that would give a model that was never trained as asked. It
is set aside (:mod:`erde_torch.training.shelf`), and used when its identity returns.
"""

import json
import time

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from erde_core.errors import ErdeError
from erde_core.store.files import whole_file
from erde_torch.networks.weights import seal
from erde_torch.training.host import Host
from erde_torch.training.identity import Identity
from erde_torch.training.optimisation.average import WeightAverage
from erde_torch.training.optimisation.optimiser import MEMORY
from erde_torch.training.shelf import Position, Saved, Shelf, UnusableError, read_saved


class CheckpointError(ErdeError, OSError):
    """A checkpoint cannot be written."""


class TrainingState:
    """The tensors that a training is made of: weights, what the optimiser remembers, averages.

    Args:
        network: on its device.
        optimiser: over all parameters, one of ``training.optimisation.optimiser.MEMORY``.
        ema_decay: of the exponential moving average of the weights; 0 for none.
    """

    def __init__(
        self, network: nn.Module, optimiser: torch.optim.Optimizer, ema_decay: float
    ) -> None:
        self.network, self.optimiser = network, optimiser
        self._memory = MEMORY[type(optimiser)]
        self._ema = WeightAverage(network, ema_decay) if ema_decay else None

    @property
    def averaged(self) -> nn.Module:
        """The network to evaluate: the average where there is one."""
        return self.network if self._ema is None else self._ema.module

    def average(self) -> None:
        """Take the current weights into the average."""
        if self._ema is not None:
            self._ema.update()

    def count_replay(self) -> None:
        """A captured step was done again, :meth:`average` with it."""
        if self._ema is not None:
            self._ema.count_replay()

    def tensors(self) -> dict[str, Tensor]:
        """Everything, by name."""
        tensors = {f"network.{name}": t for name, t in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            remembered = self.optimiser.state.get(parameter, {})
            for prefix, key in self._memory.items():
                if remembered.get(key) is not None:
                    tensors[f"{prefix}.{name}"] = remembered[key]
        if self._ema is not None:
            tensors |= {f"ema.{name}": t for name, t in self._ema.tensors().items()}
        return tensors

    def check(self, tensors: dict[str, Tensor]) -> None:
        """Hold ``tensors`` to what :meth:`tensors` gives before the first step, or after.

        Raises:
            UnusableError: one is missing, left over, or of another dtype or shape.
        """
        wanted = {n: t for n, t in self.tensors().items() if n.split(".")[0] not in self._memory}
        for name, parameter in self.network.named_parameters():
            kinds = {f"{p}.{name}": _like(key, parameter) for p, key in self._memory.items()}
            if kinds.keys() & tensors.keys():
                wanted |= kinds
        for name in sorted(wanted.keys() | tensors.keys()):
            described, found = _kind(wanted.get(name)), _kind(tensors.get(name))
            if described != found:
                raise UnusableError(f"is damaged ({name} must be {described}, got {found})")

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """The reverse of :meth:`tensors`; each that is there stays where it lies in memory."""
        self.network.load_state_dict(_part(tensors, "network."))
        for prefix, key in self._memory.items():
            remembered = _part(tensors, f"{prefix}.")
            for name, parameter in self.network.named_parameters():
                if name in remembered:
                    known = self.optimiser.state[parameter]
                    if known.get(key) is None:
                        known[key] = _like(key, parameter)
                    known[key].copy_(remembered[name])
        if self._ema is not None:
            self._ema.restore(_part(tensors, "ema."))


class Checkpoint:
    """The checkpoint file of one training.

    Args:
        host: its folder is undeclared to Snakemake, which would delete it after a failure.
        identity: all that the training depends on.
    """

    def __init__(self, host: Host, identity: Identity) -> None:
        self.path = host.folder / "checkpoint.safetensors"
        self.identity = identity
        self._host, self._saved_at = host, time.monotonic()

    def is_due(self) -> bool:
        """Whether the last one is older than the host wants it."""
        return time.monotonic() - self._saved_at > self._host.checkpoint_seconds

    def save(self, state: TrainingState, position: Position) -> None:
        """Replace the checkpoint.

        Raises:
            CheckpointError: the disk is full or the folder read-only; the last one stays whole.
            LostLeaseError: another trainer has taken the folder over meanwhile.
        """
        tensors = {name: t.detach().cpu().contiguous() for name, t in state.tensors().items()}
        metadata = {"identity": self.identity.text, "position": json.dumps(vars(position))}
        metadata["seal"] = seal(metadata, tensors)
        try:
            with whole_file(self.path) as temporary:
                save_file(tensors, temporary, metadata)
                self._host.check_held()
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{self.path}: cannot write the checkpoint: {error}") from error
        self._saved_at = time.monotonic()

    def resume(self, state: TrainingState, epochs: int, steps: int) -> Position:
        """Put the saved tensors into ``state``; the start where no whole one of ours is saved.

        A checkpoint that is there but cannot be used is set aside, and the host says why. Where a
        training has several processes, all of them call this; only the first one judges the
        checkpoint, moves files and speaks.

        Args:
            epochs, steps: of the training, and of each of its epochs.

        Raises:
            CheckpointError: the old checkpoint cannot be set aside.
        """
        saved = self._settle(state, epochs, steps) if self._host.processes.first else None
        self._host.processes.wait()  # the first process may still be moving files
        if not self._host.processes.first and self.path.exists():
            saved = read_saved(self.path)
        if saved is None:
            return Position()
        state.restore(saved.tensors)
        return saved.position

    def _settle(self, state: TrainingState, epochs: int, steps: int) -> Saved | None:
        """The checkpoint to resume; if there is none, a file in its place has been moved away."""
        shelf = Shelf(self._host, self.path)
        try:
            saved = self._judge(shelf, state, epochs, steps)
            if saved is None and shelf.take_back(self.identity):
                saved = self._judge(shelf, state, epochs, steps)
            shelf.keep_few()
        except OSError as error:
            raise CheckpointError(
                f"{self.path}: cannot set the old checkpoint aside: {error}"
            ) from error
        return saved

    def _judge(self, shelf: Shelf, state: TrainingState, epochs: int, steps: int) -> Saved | None:
        if not self.path.exists():
            return None
        try:
            saved = read_saved(self.path)
            if saved.identity != self.identity:
                changes = saved.identity.changes(self.identity)
                raise UnusableError(f"is of another training ({changes})", saved.identity)
            state.check(saved.tensors)
            if saved.position.epoch > epochs or saved.position.step > steps:
                raise UnusableError("is damaged (it stands behind the end of the training)")
        except UnusableError as error:
            shelf.set_aside(error)
            return None
        return saved


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}


def _like(key: str, parameter: Tensor) -> Tensor:
    """A tensor as the optimiser has it under ``key`` for ``parameter``."""
    if key == "step":  # counted on the host, but by a fused optimiser
        return torch.zeros((), device=parameter.device)
    return torch.empty_like(parameter, requires_grad=False)


def _kind(tensor: Tensor | None) -> str:
    return "absent" if tensor is None else f"{tensor.dtype} of shape {tuple(tensor.shape)}"
