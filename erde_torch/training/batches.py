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
        epochs_done: how far the training has come before this batch, in epochs.
    """

    images: Tensor
    labels: Tensor
    teacher: Tensor | None
    epochs_done: float


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
        order = sample_order(seed, epoch, len(self.samples))
        drawn = view_of_samples(seed, epoch, len(self.labels), self.views)
        with ThreadPoolExecutor(1) as reader:
            chosen = [self._chosen(order, step) for step in range(first_step, self.steps)]
            ahead = None
            for index, samples in enumerate(chosen):
                current = ahead or self._read(reader, samples, drawn)
                last = index + 1 == len(chosen)
                ahead = None if last else self._read(reader, chosen[index + 1], drawn)
                images, teacher = current()
                done = epoch + (first_step + index) / self.steps
                yield Batch(images(), self._labels_of(samples), teacher, done)

    def _chosen(self, order: NDArray[np.int64], step: int) -> NDArray[np.int64]:
        batch = order[step * self.batch_size : (step + 1) * self.batch_size]
        chosen: NDArray[np.int64] = self.samples[self.processes.part(batch)]
        return chosen

    def _read(
        self, reader: ThreadPoolExecutor, samples: NDArray[np.int64], drawn: NDArray[np.int64]
    ) -> Callable[[], tuple[Callable[[], Tensor], Tensor | None]]:
        def read() -> tuple[Callable[[], Tensor], Tensor | None]:
            views = drawn[samples]
            teacher = None if self.rows is None else self.rows(samples, views)
            return self.images.ahead(samples, views), teacher

        return reader.submit(read).result

    def _labels_of(self, samples: NDArray[np.int64]) -> Tensor:
        return self.labels[torch.from_numpy(samples).to(self.labels.device)]


@dataclass(frozen=True)
class Validation:
    """What is measured after each epoch: images without augmentation and their labels."""

    images: Images
    labels: Tensor
