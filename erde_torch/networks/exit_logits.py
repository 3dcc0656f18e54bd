"""What every exit of a trained network says of images as they are, without augmentation."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from erde_core.errors import ErdeError
from erde_core.images import ImageDataset, Split
from erde_core.store.exit_logits import ExitLogits, SplitLogits
from erde_torch.device import on_device
from erde_torch.networks.answers import view_logits
from erde_torch.networks.macs import exit_macs
from erde_torch.networks.multi_exit import MultiExitNetwork
from erde_torch.networks.viewed_images import plain_images
from erde_torch.networks.weights import NetworkCard, network_hash


def collect_exit_logits(
    network: nn.Module,
    card: NetworkCard,
    dataset: ImageDataset,
    dataset_hash: str,
    device: torch.device,
) -> ExitLogits:
    """Exit logits of the validation and test splits, always in float32, and the MACs per exit.

    ``network`` is a multi-exit network, or has ``macs`` of its own: zeros where nobody knows them.

    Raises:
        ValueError: the network was trained on another data set, or its card lies about it.
    """
    card.check_data(dataset, dataset_hash)
    network = on_device(network, device)
    val, test = (_split_logits(network, card, s, device) for s in (dataset.val, dataset.test))
    own = _macs(network, card), dataset_hash, network_hash(network)
    return ExitLogits(val, test, *own, trained=card.precision)


def check_made_by(exits: ExitLogits, network: MultiExitNetwork, card: NetworkCard) -> None:
    """Hold exit logits to the network that they are said to be of.

    Raises:
        ValueError: they are of other weights, or have other MACs or classes.
    """
    found = network_hash(network)
    if exits.network != found:
        raise ErdeError(f"exit logits must be of weights {found[:12]}, got {exits.network[:12]}")
    macs = exit_macs(network, card.image_shape)
    if exits.macs.tolist() != macs.tolist():
        raise ErdeError(
            f"exit logits must have their network's MACs {macs.tolist()}, got {exits.macs.tolist()}"
        )
    classes = exits.val.logits.shape[2]
    if classes != len(card.class_names):
        raise ErdeError(f"exit logits must have {len(card.class_names)} classes, got {classes}")


def _macs(network: nn.Module, card: NetworkCard) -> NDArray[np.int64]:
    if isinstance(network, MultiExitNetwork):
        return exit_macs(network, card.image_shape)
    return np.array(network.macs, np.int64)


def _split_logits(
    network: nn.Module, card: NetworkCard, split: Split, device: torch.device
) -> SplitLogits:
    images = plain_images(split.images, card.mean, card.std, device)
    everyone = torch.arange(len(split), device=device)
    logits = view_logits(network, images, everyone, 0, "float32")
    return SplitLogits(_numpy(logits), split.labels, split.group)


def _numpy(values: Tensor) -> NDArray[np.float32]:
    return values.cpu().numpy()
