"""Images on a device, served as normalised batches of any views, without work per sample."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from erde_core.errors import ErdeError


class ViewedImages:
    """A split's images, from which any (sample, view) pair can be gathered.

    Args:
        images: uint8 ``(N, H, W, channels)``.
        views: int64 ``(V, 3)`` of (dy, dx, flip), see ``erde_core.views``.
        mean, std: per channel, for pixel values in 0 … 1.
        pad_mode: ``zero`` or ``reflect``.
        device: where the images live; they stay uint8 there.
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
        self.pad = int(np.abs(views[:, :2]).max())
        self.height, self.width = images.shape[1:3]
        self._padded = _pad(torch.from_numpy(images), self.pad, pad_mode).to(device)
        self._views = torch.from_numpy(views).to(device)
        scale, shift = torch.tensor(std) * 255, torch.tensor(mean) / torch.tensor(std)
        self._scale, self._shift = (1 / scale).to(device), shift.to(device)

    def batch(self, samples: Tensor, views: Tensor) -> Tensor:
        """Images of ``samples`` under ``views`` (int64 ``(B,)`` each, on the device).

        Returns:
            float32 ``(B, channels, H, W)``, normalised, in channels-last memory order.
        """
        dy, dx, flip = self._views[views].unbind(1)
        rows = self.pad + dy[:, None] + torch.arange(self.height, device=dy.device)
        columns = torch.arange(self.width, device=dy.device)
        mirrored = self.width - 1 - columns
        columns = self.pad + dx[:, None] + torch.where(flip[:, None] == 1, mirrored, columns)
        pixels = self._padded[samples[:, None, None], rows[:, :, None], columns[:, None, :]]
        return (pixels * self._scale - self._shift).permute(0, 3, 1, 2)


def plain_images(
    images: NDArray[np.uint8],
    mean: tuple[float, ...],
    std: tuple[float, ...],
    device: torch.device,
) -> ViewedImages:
    """Images without augmentation: the identity is the only view."""
    return ViewedImages(images, np.zeros((1, 3), np.int64), mean, std, "zero", device)


def _pad(images: Tensor, pad: int, mode: str) -> Tensor:
    if pad == 0:
        return images
    height, width = images.shape[1:3]
    if mode == "reflect" and pad >= min(height, width):
        raise ErdeError(
            f"augment.pad must be below both sides of the {height}×{width} images "
            f"for pad_mode 'reflect', got {pad}"
        )
    channels_first = images.permute(0, 3, 1, 2)
    if mode == "zero":
        padded = F.pad(channels_first, (pad,) * 4)
    else:  # PyTorch reflects floats only; uint8 values are exact in them
        padded = F.pad(channels_first.float(), (pad,) * 4, mode="reflect").to(torch.uint8)
    return padded.permute(0, 2, 3, 1).contiguous()
