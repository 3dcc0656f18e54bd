"""What the student reads of its teacher: cached rows of (sample, view), or the network itself."""

import os

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from erde_core.store.teacher_logits import TeacherLogits, read_teacher_logits, verify_content
from erde_torch.device import autocast, on_device, sent
from erde_torch.training.batches import Rows
from erde_torch.training.host import Host

_DEVICE_SHARE = 0.5  # of the free memory of a GPU that a cache may take


def becomes_resident(size: int, device: torch.device) -> bool:
    """Whether a cache of ``size`` bytes is copied to the device, where every step reads it."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return size < _DEVICE_SHARE * free


class CachedTeacher:
    """Rows of a teacher-logits cache, on the device.

    On a GPU with room the whole cache is copied there once; otherwise rows are gathered from the
    memory map, and the caller reads ahead.
    """

    def __init__(self, cache: TeacherLogits, device: torch.device) -> None:
        self._device, self._map, self._resident = device, cache.logits, None
        if becomes_resident(cache.logits.nbytes, device):
            self._resident = torch.empty(cache.logits.shape, dtype=torch.float16, device=device)
            for there, rows in zip(self._resident, cache.logits, strict=True):
                there.copy_(torch.from_numpy(np.array(rows)))  # one view at a time in main memory

    def __call__(self, samples: NDArray[np.int64], views: NDArray[np.int64]) -> Tensor:
        """float16 ``(B, E, C)`` on the device."""
        if self._resident is not None:
            index = sent(torch.from_numpy(np.stack([views, samples])), self._device)
            return self._resident[index[0], index[1]]
        return sent(torch.from_numpy(self._map[views, samples]), self._device)


def open_cache(
    path: str | os.PathLike[str], host: Host, threads: int, **expected: str
) -> tuple[CachedTeacher, str]:
    """The cache that a training is about to read, after a look at every byte of it.

    The rows that a training draws are not checked one by one, and what was whole when it was
    verified may not be so now. Of several processes all come here; the first one looks.

    Args:
        threads: how many hash at once.
        expected: fields of ``CacheIdentity`` that the training knows.

    Returns:
        The rows, and the hash of their content.

    Raises:
        StoreError: what ``read_teacher_logits`` and ``verify_content`` raise.
    """
    cache = read_teacher_logits(path, **expected)
    if host.processes.first:
        verify_content(cache, path, threads)
    host.processes.wait()
    return CachedTeacher(cache, host.device), cache.sha256


class OnlineTeacher:
    """The teacher network itself, asked for every batch: the slow truth.

    Args:
        network: in eval mode.
        precision: of its forward pass, ``float32`` or ``bf16``.
        device: where it is asked.
    """

    def __init__(self, network: nn.Module, precision: str, device: torch.device) -> None:
        self._network = on_device(network.eval(), device)
        self.precision, self._device = precision, device

    @property
    def capturable(self) -> bool:
        """Whether a CUDA graph can hold its answers: not those of another runtime's."""
        return bool(getattr(self._network, "capturable", True))

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Logits float32 ``(B, E, C)`` of augmented, normalised images."""
        with autocast(self.precision, self._device):
            logits: Tensor = self._network(images)
            return logits.float()


class LastExit:
    """A teacher of whom only the last exit is heard, at every exit of the student."""

    def __init__(self, rows: Rows, exits: int) -> None:
        self._rows, self._exits = rows, exits

    def __call__(self, samples: NDArray[np.int64], views: NDArray[np.int64]) -> Tensor:
        """float16 ``(B, E, C)`` for a student with E ``exits``."""
        return self._rows(samples, views)[:, -1:].expand(-1, self._exits, -1)
