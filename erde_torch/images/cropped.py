"""Images in recorded crops and colours: cut on the CPU, while the device computes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from erde_core.crops import CropSettings, colour_factors, crop_boxes
from erde_core.fast.crops import cropped
from erde_torch.networks.viewed_images import Normalise

_LEAST = 8  # images that are worth a thread


class CroppedImages:
    """A split's images, from which any view of any sample can be cut; any view ≥ 0 is there.

    Args:
        images: uint8 ``(N, H, W, channels)``; a memory map will do, it is never copied.
        size: (height, width) of a view.
        crops, flip, colour: as the functions of :mod:`erde_core.crops` take them.
        mean, std: per channel, for pixel values in 0 … 1.
        device: where batches go.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        size: tuple[int, int],
        crops: CropSettings,
        flip: bool,
        colour: float,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        device: torch.device,
    ) -> None:
        self._images, self._size, self._device = images, size, device
        self.height, self.width = size
        self._crops, self._flip, self._colour = crops, flip, colour
        self._normalised = Normalise(mean, std, device)

    def batch(self, samples: Tensor, views: Tensor) -> Tensor:
        """As ``ViewedImages.batch``."""
        return self.ahead(samples.cpu().numpy(), views.cpu().numpy())()

    def ahead(self, samples: NDArray[np.int64], views: NDArray[np.int64]) -> Callable[[], Tensor]:
        """Cut the views now, and give what moves them to the device and normalises them."""
        pixels = torch.from_numpy(self._cut(samples, views))
        if self._device.type == "cuda":
            pixels = pixels.pin_memory()
        return lambda: self._normalised(pixels.to(self._device, non_blocking=True))

    def _cut(self, samples: NDArray[np.int64], views: NDArray[np.int64]) -> NDArray[np.uint8]:
        stored = self._images.shape[1:3]
        boxes = crop_boxes(self._crops, self._flip, samples, views, stored, self._size)
        factors = colour_factors(self._crops, self._colour, samples, views)

        def part(index: NDArray[np.int64]) -> NDArray[np.uint8]:
            chosen = samples[index], boxes[index], factors[index]
            return cropped(self._images, *chosen, self._size)

        shares = min(torch.get_num_threads(), max(1, len(samples) // _LEAST))
        if shares == 1:
            return part(np.arange(len(samples)))
        with ThreadPoolExecutor(shares) as threads:
            return np.concatenate(
                list(threads.map(part, np.array_split(np.arange(len(samples)), shares)))
            )
