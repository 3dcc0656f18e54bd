"""Any backbone with features at several depths as a multi-exit network, with the same heads.

What results has ``stem``, ``stages`` and ``heads``, so that staged inference, MACs, losses and
export take it like the ResNets of ``erde_torch.networks.resnet``.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from erde_core import checks
from erde_torch.networks.resnet import exit_head


class MultiExitBackbone(nn.Module):
    """A backbone cut into E stages, each followed by a classifier.

    Args:
        stages: E parts; each maps the features of the one before (the first: images) to features
            ``(N, channels, H, W)``. See :func:`timm_stages`.
        classes: C.
        image_shape: (channels, height, width) of the input; decides the size of the heads.
        head_pool: ``avg2`` or ``adaptive2``; the latter keeps heads small on large images.
        head_dropout: before the linear layer of the early heads.

    Raises:
        ValueError: fewer than two stages, a stage without feature maps, or images too small.
    """

    def __init__(
        self,
        stages: Sequence[nn.Module],
        classes: int,
        image_shape: tuple[int, int, int],
        head_pool: str = "adaptive2",
        head_dropout: float = 0.5,
    ) -> None:
        super().__init__()
        checks.class_count(classes)
        checks.one_of("head_pool", head_pool, ("avg2", "adaptive2"))
        if len(stages) < 2:
            raise ValueError(f"a backbone must have at least 2 stages, got {len(stages)}")
        self.stem, self.stages = nn.Identity(), nn.ModuleList(stages)
        shapes = _feature_shapes(self.stages, image_shape)
        self.heads = nn.ModuleList(
            exit_head(
                head_pool,
                head_dropout,
                channels,
                torch.Size(size),
                classes,
                index == len(stages) - 1,
            )
            for index, (channels, *size) in enumerate(shapes)
        )

    @property
    def exits(self) -> int:
        """E, the number of exits."""
        return len(self.heads)

    def forward(self, images: Tensor) -> Tensor:
        """Raw logits of every exit, ``(N, E, C)``, of images ``(N, channels, H, W)``."""
        features, logits = images, []
        for stage, head in zip(self.stages, self.heads, strict=True):
            features = stage(features)
            logits.append(head(features))
        return torch.stack(logits, dim=1)


def timm_stages(features: nn.Module) -> list[nn.Module]:
    """The stages of ``timm.create_model(name, features_only=True, out_indices=…)``.

    Needs no more than what timm's ``FeatureListNet`` is: named children that run one after the
    other, and ``return_layers``, the names of those whose features come out. What follows the last
    of them is left out.

    Raises:
        ValueError: another kind of model, whose parts do not run one after the other.
    """
    wanted = getattr(features, "return_layers", None)
    if not wanted:
        raise ValueError(
            "features must be a timm model whose features_only form is a FeatureListNet "
            f"(ResNet, ConvNeXt, RegNet, …), got {type(features).__name__}"
        )
    stages, waiting = [], []
    for name, module in features.named_children():
        waiting.append(module)
        if name in wanted:
            stages.append(nn.Sequential(*waiting))
            waiting = []
    return stages


def _feature_shapes(
    stages: nn.ModuleList, image_shape: tuple[int, int, int]
) -> list[tuple[int, ...]]:
    """(channels, height, width) after each stage."""
    was_training = stages.training
    stages.eval()  # a batch norm in training would count the zeros
    shapes, features = [], torch.zeros(1, *image_shape)
    with torch.no_grad():
        for index, stage in enumerate(stages):
            features = stage(features)
            if not isinstance(features, Tensor) or features.ndim != 4:
                found = getattr(features, "shape", type(features).__name__)
                raise ValueError(
                    f"stage {index} must give features (N, channels, H, W), got {found}"
                )
            shapes.append(tuple(features.shape[1:]))
    stages.train(was_training)
    return shapes
