"""The processes of one training: who computes what, and the little that they tell each other.

Every process draws the same batch and computes its own part of it; ``DistributedDataParallel``
averages the gradients, so that all hold the same weights after each step. Batch norm normalises
each part by the part's own statistics. The first process alone speaks, measures and writes.
"""

import contextlib
import datetime
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import nn
from torch.nn.parallel import DistributedDataParallel

# The others wait while the first one waits for the folder of a training that still runs, or
# validates. That a process has died is seen by torchrun, not by the lack of an answer.
_PATIENCE = datetime.timedelta(days=30)


@dataclass(frozen=True)
class Processes:
    """This process among those of its training.

    Attributes:
        count: how many there are.
        rank: which one this is, 0 … ``count`` - 1.
    """

    count: int = 1
    rank: int = 0

    @property
    def first(self) -> bool:
        """Whether this is the process that speaks, measures and writes."""
        return self.rank == 0

    def part(self, batch: NDArray[np.int64]) -> NDArray[np.int64]:
        """This process's contiguous part of a batch whose length is a multiple of ``count``."""
        size = len(batch) // self.count
        return batch[self.rank * size : (self.rank + 1) * size]

    def own_device(self, device: torch.device) -> torch.device:
        """``device``, or of several GPUs the one of this process."""
        if device.type != "cuda" or self.count == 1:
            return device
        return torch.device("cuda", self.rank)

    def parallel(self, network: nn.Module) -> nn.Module:
        """``network`` with gradients that are the mean over all processes."""
        if self.count == 1:
            return network
        # Buffers are the statistics of norms: no step reads them, and those of the first are kept.
        return DistributedDataParallel(network, broadcast_buffers=False)

    def gather(self, *numbers: float) -> list[list[float]]:
        """Each process's ``numbers``, by rank, for all of them."""
        if self.count == 1:
            return [list(numbers)]
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        own = torch.tensor(numbers, dtype=torch.float64, device=device)
        rows = [torch.empty_like(own) for _ in range(self.count)]
        dist.all_gather(rows, own)
        return torch.stack(rows).tolist()

    def wait(self) -> None:
        """Return once every process has come here."""
        self.gather(0.0)


ALONE = Processes()


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """Join the processes that torchrun started beside this one; NCCL on GPUs, else gloo."""
    if device.type == "cuda":
        torch.cuda.set_device(dist.get_node_local_rank())
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    yield Processes(dist.get_world_size(), dist.get_rank())
    # After an error this is skipped: it waits for the other processes, and they may be gone.
    dist.destroy_process_group()
