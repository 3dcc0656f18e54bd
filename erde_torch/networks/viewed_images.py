"""Images on a device, served as normalised batches of any views, without work per sample."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from erde_core.errors import ErdeError
from erde_torch.device import sent

_REFLECTED = 32  # images at once


class Images(Protocol):
    """A split's images, from which any (sample, view) pair can be had.

    Attributes:
        height, width: of a view, pixels.
    """

    height: int
    width: int

    def batch(self, samples: Tensor, views: Tensor) -> Tensor:
        """Images of ``samples`` under ``views`` (int64 ``(B,)`` each, on the device).

        Returns:
            float32 ``(B, channels, H, W)``, normalised, in channels-last memory order.
        """
        ...

    def ahead(self, samples: NDArray[np.int64], views: NDArray[np.int64]) -> Callable[[], Tensor]:
        """The same in two steps: what can be done while the device computes is done now, in any
        thread; what is returned gives the batch."""
        ...


class Normalise:
    """uint8 ``(B, H, W, channels)`` on the device → float32 ``(B, channels, H, W)``."""

    def __init__(
        self, mean: tuple[float, ...], std: tuple[float, ...], device: torch.device
    ) -> None:
        scale, shift = torch.tensor(std) * 255, torch.tensor(mean) / torch.tensor(std)
        self._scale, self._shift = (1 / scale).to(device), shift.to(device)

    def __call__(self, pixels: Tensor) -> Tensor:
        """In channels-last memory order."""
        return (pixels * self._scale - self._shift).permute(0, 3, 1, 2)


class ViewedImages:
    """A split's images on the device, from which any (sample, view) pair can be gathered.

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
        self._padded = padded(torch.from_numpy(images), self.pad, pad_mode).to(device)
        self._views = torch.from_numpy(views).to(device)
        self._normalised = Normalise(mean, std, device)

    def batch(self, samples: Tensor, views: Tensor) -> Tensor:
        """Images of ``samples`` under ``views`` (int64 ``(B,)`` each, on the device).

        Returns:
            float32 ``(B, channels, H, W)``, normalised, in channels-last memory order.
        """
        chosen, sides = self._views[views], (self.height, self.width)
        return self._normalised(view_pixels(self._padded, samples, chosen, self.pad, sides))

    def ahead(self, samples: NDArray[np.int64], views: NDArray[np.int64]) -> Callable[[], Tensor]:
        """The device does it all, when it is asked."""
        device = self._views.device

        def gathered() -> Tensor:
            index = (sent(torch.from_numpy(part), device) for part in (samples, views))
            return self.batch(*index)

        return gathered


def plain_images(
    images: NDArray[np.uint8],
    mean: tuple[float, ...],
    std: tuple[float, ...],
    device: torch.device,
) -> ViewedImages:
    """Images without augmentation: the identity is the only view."""
    return ViewedImages(images, np.zeros((1, 3), np.int64), mean, std, "zero", device)


def view_pixels(
    padded_images: Tensor, samples: Tensor, views: Tensor, pad: int, sides: tuple[int, int]
) -> Tensor:
    """Gather views, uint8 ``(B, H, W, channels)``, out of images that are padded by ``pad``.

    Args:
        padded_images: uint8 ``(N, H + 2 pad, W + 2 pad, channels)``.
        samples: int64 ``(B,)`` on its device.
        views: int64 ``(B, 3)`` of (dy, dx, flip), there too.
        pad: pixels on each side.
        sides: (H, W).
    """
    height, width = sides
    dy, dx, flip = views.unbind(1)
    rows = pad + dy[:, None] + torch.arange(height, device=dy.device)
    columns = torch.arange(width, device=dy.device)
    mirrored = width - 1 - columns
    columns = pad + dx[:, None] + torch.where(flip[:, None] == 1, mirrored, columns)
    return padded_images[samples[:, None, None], rows[:, :, None], columns[:, None, :]]


def padded(images: Tensor, pad: int, mode: str) -> Tensor:
    """Images uint8 ``(N, H, W, channels)`` with ``pad`` more pixels on each side.

    Raises:
        ValueError: there are not enough pixels to reflect.
    """
    if pad == 0:
        return images
    height, width = images.shape[1:3]
    if mode == "reflect" and pad >= min(height, width):
        raise ErdeError(
            f"augment.pad must be below both sides of the {height}×{width} images "
            f"for pad_mode 'reflect', got {pad}"
        )
    if mode == "zero":
        wider = F.pad(images.permute(0, 3, 1, 2), (pad,) * 4)
        return wider.permute(0, 2, 3, 1).contiguous()
    count, channels = len(images), images.shape[3]
    whole = images.new_empty(count, height + 2 * pad, width + 2 * pad, channels)
    for start in range(0, count, _REFLECTED):
        # PyTorch reflects floats only; uint8 values are exact in them. Few at a time: they are four
        # times as large, and twice in memory.
        some = images[start : start + _REFLECTED].permute(0, 3, 1, 2).float()
        reflected = F.pad(some, (pad,) * 4, mode="reflect")
        whole[start : start + _REFLECTED] = reflected.permute(0, 2, 3, 1).to(torch.uint8)
    return whole
