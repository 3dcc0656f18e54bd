"""Any backbone with features at several depths as a multi-exit network, with the same heads.

What results has ``stem``, ``stages`` and ``heads``, so that staged inference, MACs, losses and
export take it like the families of ``erde_torch.networks.table``.
"""

from collections.abc import Sequence

from torch import nn

from erde_core import checks
from erde_core.errors import ErdeError
from erde_torch.networks.heads import FORMATS, HeadSettings, with_heads
from erde_torch.networks.multi_exit import MultiExitNetwork


class MultiExitBackbone(MultiExitNetwork):
    """A backbone cut into E stages, each followed by a classifier.

    Args:
        stages: E parts; each maps the features of the one before (the first: images) to features.
        classes: C.
        image_shape: (channels, height, width) of the input; decides the size of the heads.
        head_pool: ``avg2`` or ``adaptive2``; the latter keeps heads small on large images.
        head_dropout: before the linear layer of the early heads.
        features: how the stages give features: ``NCHW`` for ``(N, channels, H, W)``, ``NHWC`` for
            ``(N, H, W, channels)`` as timm's Swin does, ``NLC`` for tokens ``(N, L, channels)``.
        prefix_tokens: of ``NLC``, how many tokens at the front are no part of the image.

    Raises:
        ValueError: fewer than two stages, features of another format, or images too small.
    """

    def __init__(
        self,
        stages: Sequence[nn.Module],
        classes: int,
        image_shape: tuple[int, int, int],
        head_pool: str = "adaptive2",
        head_dropout: float = 0.5,
        features: str = "NCHW",
        prefix_tokens: int = 0,
    ) -> None:
        checks.class_count(classes)
        checks.one_of("head_pool", head_pool, ("avg2", "adaptive2"))
        checks.one_of("features", features, FORMATS)
        if len(stages) < 2:
            raise ErdeError(f"a backbone must have at least 2 stages, got {len(stages)}")
        heads = HeadSettings(
            classes=classes,
            pool=head_pool,
            dropout=head_dropout,
            features=features,
            prefix_tokens=prefix_tokens,
        )
        stem = nn.Identity()
        super().__init__(stem, with_heads(stem, stages, len(stages), heads, image_shape))
