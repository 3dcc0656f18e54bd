"""Images that are gathered from where they lie, batch by batch, padded and cropped on the CPU."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from erde_torch.networks.viewed_images import Normalise, padded, view_pixels


class StreamedImages:
    """As ``ViewedImages``, the same values, for images that do not fit onto the device.

    Args:
        images: uint8 ``(N, H, W, channels)``; a memory map, of which pages are read as they come.
        views: int64 ``(V, 3)`` of (dy, dx, flip), see ``erde_core.views``.
        mean, std: per channel, for pixel values in 0 … 1.
        pad_mode: ``zero`` or ``reflect``.
        device: where batches go.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        views: NDArray[np.int64],
        mean: tuple[float, ...],
        std: tuple[float, ...],
        pad_mode: str,
        device: torch.device,
    ) -> None:
        self._images, self._views, self._device = images, torch.from_numpy(views), device
        self.pad, self._pad_mode = int(np.abs(views[:, :2]).max()), pad_mode
        self.height, self.width = images.shape[1:3]
        self._normalised = Normalise(mean, std, device)

    def batch(self, samples: Tensor, views: Tensor) -> Tensor:
        """As ``ViewedImages.batch``."""
        return self.ahead(samples.cpu().numpy(), views.cpu().numpy())()

    def ahead(self, samples: NDArray[np.int64], views: NDArray[np.int64]) -> Callable[[], Tensor]:
        """Gather the pixels now, and give what moves them to the device and normalises them."""
        gathered = padded(torch.from_numpy(self._images[samples]), self.pad, self._pad_mode)
        place = torch.arange(len(samples))
        chosen = self._views[torch.from_numpy(views)]
        pixels = view_pixels(gathered, place, chosen, self.pad, (self.height, self.width))
        if self._device.type == "cuda":
            pixels = pixels.pin_memory()
        return lambda: self._normalised(pixels.to(self._device, non_blocking=True))
