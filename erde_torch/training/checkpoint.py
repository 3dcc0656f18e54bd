"""The state of an unfinished training: written whole, tied to what made it.

A checkpoint carries the identity (a hash of configuration, code, data and device) of its training.
One of another identity is ignored: resuming it would give a model that was never trained as asked.
"""

import json
import time
from dataclasses import dataclass, field

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from erde_core.store.files import whole_file
from erde_torch.networks.weights import seal
from erde_torch.training.host import Host


@dataclass
class Position:
    """Where a training stands.

    Attributes:
        epoch, step: the next step to take; ``epoch`` = number of epochs means finished.
        loss_sum: sum of this epoch's losses so far.
        history: one row per finished epoch.
        seconds: training time so far.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0


class CheckpointError(OSError):
    """A checkpoint cannot be written."""


class TrainingState:
    """The tensors that a training is made of: weights, momentum and, if wanted, averaged weights.

    Args:
        network: on its device.
        optimiser: SGD over the network's parameters.
        ema_decay: of the exponential moving average of the weights; 0 for none.
    """

    def __init__(
        self, network: nn.Module, optimiser: torch.optim.Optimizer, ema_decay: float
    ) -> None:
        self.network, self.optimiser, self._ema = network, optimiser, None
        if ema_decay:
            average = get_ema_multi_avg_fn(ema_decay)
            self._ema = AveragedModel(network, multi_avg_fn=average, use_buffers=True)

    @property
    def averaged(self) -> nn.Module:
        """The network to evaluate: the average where there is one."""
        return self.network if self._ema is None else self._ema.module

    def average(self) -> None:
        """Take the current weights into the average."""
        if self._ema is not None:
            self._ema.update_parameters(self.network)

    def tensors(self) -> dict[str, Tensor]:
        """Everything, by name."""
        tensors = {f"network.{name}": t for name, t in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            momentum = self.optimiser.state.get(parameter, {}).get("momentum_buffer")
            if momentum is not None:
                tensors[f"momentum.{name}"] = momentum
        if self._ema is not None:
            tensors |= {f"ema.{name}": t for name, t in self._ema.state_dict().items()}
        return tensors

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """The reverse of :meth:`tensors`."""
        self.network.load_state_dict(_part(tensors, "network."))
        momentum = _part(tensors, "momentum.")
        for name, parameter in self.network.named_parameters():
            if name in momentum:
                buffer = torch.empty_like(parameter, requires_grad=False).copy_(momentum[name])
                self.optimiser.state[parameter]["momentum_buffer"] = buffer
        if self._ema is not None:
            self._ema.load_state_dict(_part(tensors, "ema."))


class Checkpoint:
    """The checkpoint file of one training.

    Args:
        host: its folder is undeclared to Snakemake, which would delete it after a failure.
        identity: hash of all that the training depends on.
    """

    def __init__(self, host: Host, identity: str) -> None:
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
        metadata = {"identity": self.identity, "position": json.dumps(vars(position))}
        metadata["seal"] = seal(metadata, tensors)
        try:
            with whole_file(self.path) as temporary:
                save_file(tensors, temporary, metadata)
                self._host.check_held()
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{self.path}: cannot write the checkpoint: {error}") from error
        self._saved_at = time.monotonic()

    def resume(self, state: TrainingState) -> Position:
        """Put the saved tensors into ``state``; the start where no whole one of ours is saved."""
        try:
            with safe_open(self.path, "pt") as file:
                metadata = file.metadata() or {}
                if metadata.get("identity") != self.identity:
                    return Position()
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError):
            return Position()
        # From damaged numbers, training would go on as if nothing was.
        if metadata.pop("seal", None) != seal(metadata, tensors):
            return Position()
        state.restore(tensors)
        return Position(**json.loads(metadata["position"]))


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}
