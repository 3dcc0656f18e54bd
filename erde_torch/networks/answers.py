"""A network's answers to many images, in eval mode and without gradients."""

import torch
from torch import Tensor, nn

from erde_torch.device import autocast
from erde_torch.networks.viewed_images import Images

_BATCH, _SMALL = 500, 64  # images of that side, pixels


def batch_of(images: Images) -> int:
    """How many images are asked about at once: fewer where they are large."""
    return max(1, min(_BATCH, _BATCH * _SMALL**2 // (images.height * images.width)))


def view_logits(
    network: nn.Module, images: Images, samples: Tensor, view: int, precision: str
) -> Tensor:
    """Logits float32 ``(len(samples), E, C)`` of ``samples`` under one view, on the device.

    The network is put into eval mode. ``samples`` is int64 on the device.
    """
    return row_logits(network, images, samples, torch.full_like(samples, view), precision)


@torch.no_grad()
def row_logits(
    network: nn.Module, images: Images, samples: Tensor, views: Tensor, precision: str
) -> Tensor:
    """The same of (sample, view) pairs."""
    network.eval()
    parts, size = [], batch_of(images)
    for chosen, view in zip(torch.split(samples, size), torch.split(views, size), strict=True):
        with autocast(precision, samples.device):
            parts.append(network(images.batch(chosen, view)).float())
    return torch.cat(parts)


def exit_accuracy(
    network: nn.Module, images: Images, labels: Tensor, precision: str
) -> list[float]:
    """The share of right answers at each exit, on images without augmentation."""
    everyone = torch.arange(len(labels), device=labels.device)
    logits = view_logits(network, images, everyone, 0, precision)
    return (logits.argmax(2) == labels[:, None]).float().mean(0).tolist()
