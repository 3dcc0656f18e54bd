"""ResNets of three stages for small images, four times as wide as CIFAR's first ones.

Stem of 32 channels, stages of 64, 128 and 256, two convolutions a block: the "x4" networks that
papers on distillation compare (Tian et al. 2020, arXiv 1910.10699).
"""

from erde_torch.networks.families.layers import scaled, stem
from erde_torch.networks.families.resnet import BasicBlock, residual_blocks
from erde_torch.networks.multi_exit import Backbone
from erde_torch.networks.settings import NetworkSettings

_STEM, _STAGES = 32, (64, 128, 256)


def backbone(
    network: NetworkSettings, image_shape: tuple[int, int, int], counts: tuple[int, ...]
) -> Backbone:
    """resnet8x4 or resnet32x4, by its ``counts``."""
    first, *widths = (scaled(channels, network.width) for channels in (_STEM, *_STAGES))
    return Backbone(
        stem=stem(network.stem, image_shape[0], first),
        blocks=residual_blocks(BasicBlock, first, widths, counts),
        counts=counts,
    )
