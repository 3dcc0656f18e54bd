"""A timm model's feature maps as stages that run one after the other."""

import torch
from torch import Tensor, nn

from erde_core.errors import ErdeError
from erde_torch.networks.heads import ChannelsFirst
from erde_torch.networks.macs import evaluated


def timm_stages(features: nn.Module) -> list[nn.Sequential]:
    """The stages of ``timm.create_model(name, features_only=True, out_indices=…)``.

    Taken are all models whose parts run one after the other: ResNet, ConvNeXt, RegNet and others
    that timm wraps as a ``FeatureListNet``, MobileNet, EfficientNet. What follows the last feature
    map is left out. Every stage reads and gives ``(N, channels, H, W)``, also of models that
    compute in ``(N, H, W, channels)``.

    Raises:
        ValueError: another kind of model.
    """
    names = _feature_names(features)
    stages, waiting = [], []
    for name, module in _parts(features, names):
        waiting.append(module)
        if name in names:
            stages.append(nn.Sequential(*waiting))
            waiting = []
    if not names or len(stages) != len(names):
        raise ErdeError(
            "features must be a timm model with features_only whose parts run one after the other "
            f"(ResNet, ConvNeXt, RegNet, MobileNet, EfficientNet, …), got {type(features).__name__}"
        )
    return _channels_first(stages) if _format(features) == "NHWC" else stages


def check_stages(
    features: nn.Module,
    stages: list[nn.Sequential],
    image_shape: tuple[int, int, int],
    first: int = 0,
) -> None:
    """Hold ``stages`` from ``first`` on to what the model itself computes of one random image.

    Raises:
        ValueError: its forward does more than to run its parts.
    """
    if next(features.parameters()).is_meta:
        return  # no values to compare
    images = torch.randn(1, *image_shape, generator=torch.Generator().manual_seed(0))
    found: Tensor = images
    with evaluated(features):
        expected = features(images)
        for index, stage in enumerate(stages):
            found = stage(found)
            wanted = expected[index]
            wanted = wanted.permute(0, 3, 1, 2) if _format(features) == "NHWC" else wanted
            same = found.shape == wanted.shape and torch.allclose(found, wanted, 1e-3, 1e-4)
            if index >= first and not same:
                raise ErdeError(
                    f"{type(features).__name__}: its features must come from parts that run one "
                    f"after the other, got others at stage {index}"
                )


def _feature_names(features: nn.Module) -> list[str]:
    """Of the modules after which features come out, in order."""
    layers = getattr(features, "return_layers", None)
    if layers:
        return list(layers)
    names = getattr(getattr(features, "feature_info", None), "module_name", list)
    return list(names())


def _parts(features: nn.Module, names: list[str]) -> list[tuple[str, nn.Module]]:
    """The children, and in place of those inside which features come out, theirs."""
    parts = []
    for name, child in features.named_children():
        inside = any(wanted.startswith(f"{name}.") for wanted in names)
        if inside and isinstance(child, nn.Sequential | nn.ModuleList):
            parts += [(f"{name}.{inner}", module) for inner, module in child.named_children()]
        else:
            parts.append((name, child))
    return parts


def _format(features: nn.Module) -> str:
    """``NCHW`` or ``NHWC``, as timm says."""
    said = getattr(features, "output_fmt", None)
    return str(getattr(said, "value", said) or "NCHW")


def _channels_first(stages: list[nn.Sequential]) -> list[nn.Sequential]:
    first, *others = stages
    return [
        nn.Sequential(*first, ChannelsFirst()),
        *(nn.Sequential(_ChannelsLast(), *stage, ChannelsFirst()) for stage in others),
    ]


class _ChannelsLast(nn.Module):
    """``(N, channels, H, W)`` to ``(N, H, W, channels)``."""

    def forward(self, features: Tensor) -> Tensor:
        return features.permute(0, 2, 3, 1)
