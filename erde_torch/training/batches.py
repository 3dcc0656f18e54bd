"""The batches of an epoch: who comes when, in which view, with what the teacher said."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from erde_core.views import sample_order, view_of_samples
from erde_torch.device import sent
from erde_torch.networks.viewed_images import Images
from erde_torch.training.processes import ALONE, Processes


class Rows(Protocol):
    """What gives the teacher's logits of (sample, view) pairs."""

    def __call__(self, samples: NDArray[np.int64], views: NDArray[np.int64]) -> Tensor:
        """float16 ``(B, E, C)``."""
        ...


@dataclass(frozen=True)
class Batch:
    """B samples on the device.

    Attributes:
        images: float32 ``(B, channels, H, W)``, augmented and normalised.
        labels: int64 ``(B,)``.
        teacher: float16 ``(B, E, C)``, or None without a cache.
        epochs_done: how far the training has come before this batch, in epochs; float64, without
            axes.
    """

    images: Tensor
    labels: Tensor
    teacher: Tensor | None
    epochs_done: Tensor


@dataclass(frozen=True)
class TrainingSet:
    """What a network is trained on.

    Attributes:
        images: the train split.
        labels: int64 ``(N,)`` on the device.
        samples: the indices that take part, ascending; fewer than N for a fold's teacher.
        views: V, the number of views to draw from.
        batch_size: B; an incomplete last batch is left out (its samples come in other epochs).
        rows: the cached teacher, or None.
        processes: who share each batch; this one is given its part.
    """

    images: Images
    labels: Tensor
    samples: NDArray[np.int64]
    views: int
    batch_size: int
    rows: Rows | None = None
    processes: Processes = ALONE

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return max(1, len(self.samples) // self.batch_size)

    def epoch(self, seed: int, epoch: int, first_step: int) -> Iterator[Batch]:
        """The batches from ``first_step`` on: a pure function of (seed, epoch, first_step).

        The next batch's teacher rows and pixels are read while the current one is computed.
        """
        drawn = self._draw(seed, epoch)
        with ThreadPoolExecutor(1) as reader:
            ahead = None
            for step in range(first_step, self.steps):
                current = ahead or self._read(reader, drawn, step)
                last = step + 1 == self.steps
                ahead = None if last else self._read(reader, drawn, step + 1)
                images, teacher = current()
                labels = self.labels[drawn.samples_there[step]]
                yield Batch(images(), labels, teacher, drawn.done[step])

    def _draw(self, seed: int, epoch: int) -> "_Drawn":
        order = sample_order(seed, epoch, len(self.samples))[: self.steps * self.batch_size]
        batches = order.reshape(self.steps, self.batch_size)
        samples = self.samples[np.stack([self.processes.part(batch) for batch in batches])]
        views = view_of_samples(seed, epoch, len(self.labels), self.views)[samples]
        done = epoch + np.arange(self.steps) / self.steps
        there = (sent(torch.from_numpy(a), self.labels.device) for a in (samples, done))
        return _Drawn(samples, views, *there)

    def _read(
        self, reader: ThreadPoolExecutor, drawn: "_Drawn", step: int
    ) -> Callable[[], tuple[Callable[[], Tensor], Tensor | None]]:
        samples, views = drawn.samples[step], drawn.views[step]

        def read() -> tuple[Callable[[], Tensor], Tensor | None]:
            teacher = None if self.rows is None else self.rows(samples, views)
            return self.images.ahead(samples, views), teacher

        return reader.submit(read).result


@dataclass(frozen=True)
class _Drawn:
    """Who comes in each step of an epoch, and how: known before it.

    Attributes:
        samples, views: int64 ``(steps, B)``.
        samples_there: ``samples`` on the device, copied once.
        done: epochs before each step, float64 ``(steps,)`` on the device.
    """

    samples: NDArray[np.int64]
    views: NDArray[np.int64]
    samples_there: Tensor
    done: Tensor


@dataclass(frozen=True)
class Validation:
    """What is measured after each epoch: images without augmentation and their labels."""

    images: Images
    labels: Tensor
