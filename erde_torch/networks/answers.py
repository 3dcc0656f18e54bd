"""A network's answers to many images, in eval mode and without gradients."""

import torch
from torch import Tensor, nn

from erde_torch.device import autocast
from erde_torch.networks.viewed_images import ViewedImages

_BATCH = 500


@torch.no_grad()
def view_logits(
    network: nn.Module, images: ViewedImages, samples: Tensor, view: int, precision: str
) -> Tensor:
    """Logits float32 ``(len(samples), E, C)`` of ``samples`` under one view, on the device.

    The network is put into eval mode. ``samples`` is int64 on the device.
    """
    network.eval()
    parts = []
    for chosen in torch.split(samples, _BATCH):
        batch = images.batch(chosen, torch.full_like(chosen, view))
        with autocast(precision, samples.device):
            parts.append(network(batch).float())
    return torch.cat(parts)


def exit_accuracy(
    network: nn.Module, images: ViewedImages, labels: Tensor, precision: str
) -> list[float]:
    """The share of right answers at each exit, on images without augmentation."""
    everyone = torch.arange(len(labels), device=labels.device)
    logits = view_logits(network, images, everyone, 0, precision)
    return (logits.argmax(2) == labels[:, None]).float().mean(0).tolist()
