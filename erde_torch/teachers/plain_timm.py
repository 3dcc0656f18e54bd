"""A plain classifier of the timm library as a network with one exit: the whole model."""

from torch import nn

from erde_torch.networks.families.timm_model import created
from erde_torch.networks.multi_exit import MultiExitNetwork

WHOLE = "stages.0."  # before the names of the model's own tensors


def plain_timm(name: str, classes: int, image_shape: tuple[int, int, int]) -> MultiExitNetwork:
    """The model as its users know it; what follows its last feature map stays.

    Args:
        name: ``timm/<model>``.
        classes: C.
        image_shape: (channels, height, width).

    Raises:
        ValueError: what :func:`erde_torch.networks.families.timm_model.backbone` raises.
    """
    model = created(name, image_shape, num_classes=classes)
    return MultiExitNetwork(nn.Identity(), [(model, nn.Identity())])
