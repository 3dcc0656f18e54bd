"""The rival: early-exit training as public distillation repositories write it.

A DataLoader with torchvision transforms on PIL images, float32 with PyTorch's own leave to round
(convolutions in TF32 on a GPU), and for distillation the teacher asked for every batch. Nothing
here is used by the product.
"""

import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from erde_torch.device import forbid_tf32


def precision_on(device: torch.device) -> str:
    """What a table calls the rival's."""
    return "float32, convolutions in TF32" if device.type == "cuda" else "float32"


@contextlib.contextmanager
def usual_tf32() -> Iterator[None]:
    """PyTorch's own defaults while the block runs; the product forbids TF32 in its process."""
    cudnn = torch.backends.cudnn
    cudnn.allow_tf32 = True
    for part in (getattr(cudnn, "conv", None), getattr(cudnn, "rnn", None)):
        if hasattr(part, "fp32_precision"):  # since PyTorch 2.9
            part.fp32_precision = "tf32"
    try:
        yield
    finally:
        forbid_tf32()


class PilImages(Dataset):
    """Images as PIL sees them, through ``transform``."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, transform: Callable) -> None:
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int):
        return self.transform(Image.fromarray(self.images[index])), int(self.labels[index])


def loader(images, labels, mean, std, batch_size, workers) -> DataLoader:
    """Random crop with padding 4, mirror, normalise: the usual CIFAR augmentation."""
    transform = transforms.Compose(
        [
            transforms.RandomCrop(images.shape[1], padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(mean, std),
        ]
    )
    data = PilImages(images, labels, transform)
    # Workers that live on: an epoch is short here, and would begin with starting them.
    kept = {"num_workers": workers, "persistent_workers": workers > 0}
    return DataLoader(data, batch_size, shuffle=True, drop_last=True, pin_memory=True, **kept)


@usual_tf32()
def train_epoch(network: nn.Module, teacher: nn.Module | None, batches: DataLoader, device) -> None:
    """One epoch: cross-entropy at every exit, plus distillation at τ = 4 with a teacher."""
    optimiser = torch.optim.SGD(network.parameters(), 0.1, 0.9, weight_decay=5e-4, nesterov=True)
    network.train()
    for images, labels in batches:
        images, labels = images.to(device), labels.to(device)
        logits = network(images)
        loss = sum(F.cross_entropy(logits[:, e], labels) for e in range(logits.shape[1]))
        if teacher is not None:
            with torch.no_grad():
                answers = teacher(images)
            for e in range(logits.shape[1]):
                student = F.log_softmax(logits[:, e] / 4, 1)
                target = F.softmax(answers[:, e] / 4, 1)
                loss = loss + 16 * F.kl_div(student, target, reduction="batchmean")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()
