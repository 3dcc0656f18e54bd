"""A network of few operations, so that trainings by a captured step are rehearsed in no time."""

from torch import nn

from erde_torch.training import student, teacher


class Tiny(nn.Module):
    """Images of 16×16 to four exits, in few operations."""

    exit_count = 4

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 4, 4), nn.BatchNorm2d(4))
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(64, 40))

    def forward(self, images):
        return self.head(self.stem(images).relu()).unflatten(1, (4, 10))


def make_tiny(patch):
    """What is trained from now on."""
    for part in (student, teacher):
        patch.setattr(part, "starting_network", lambda card, network: Tiny())
