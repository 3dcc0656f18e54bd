"""``timm/<model>``: the feature maps, or the tokens, of a model of the timm library.

Feature maps that halve the sides for the first time belong to the stem: stages start with the maps
at a quarter of the image's sides. A vision transformer has one stage per block.
"""

import difflib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from erde_core.errors import ErdeError, extra_with
from erde_torch.networks.families.timm_stages import check_stages, timm_stages
from erde_torch.networks.heads import zero_features
from erde_torch.networks.multi_exit import Backbone
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.table import TIMM

_TOKENS = ("timm.models.vision_transformer", "timm.models.deit")
_STAGES_FROM = 4  # times smaller than the image
Shape = tuple[int, int, int]


def backbone(
    network: NetworkSettings, image_shape: Shape, counts: tuple[int, ...], pretrained: bool = False
) -> Backbone:
    """The model called ``network.name``; ``counts`` is empty, as only the model knows them.

    Raises:
        ValueError: timm is missing or has no such model, the model is of another kind, or does
            not take such images.
        OSError: the pretrained weights cannot be had.
    """
    tokens = _entrypoint(network.name).__module__ in _TOKENS
    form = {"num_classes": 0} if tokens else {"features_only": True}
    model = created(network.name, image_shape, pretrained=pretrained, **form)
    return _tokens(model, image_shape) if tokens else _maps(model, network.name, image_shape)


def created(
    name: str,
    image_shape: Shape,
    *,
    pretrained: bool = False,
    **form: Any,  # noqa: ANN401 -- what timm takes
) -> nn.Module:
    """The model called ``name`` in one of its forms, as timm makes it for such images.

    Raises:
        What :func:`backbone` raises.
    """
    _entrypoint(name)  # which says in a sentence that there is none
    timm, own = _timm(), name.removeprefix(TIMM)
    options: dict[str, Any] = {"in_chans": image_shape[0], "pretrained": pretrained}
    config = timm.get_pretrained_cfg(own)
    if config is not None and config.fixed_input_size:
        options["img_size"] = image_shape[1:]
    return _created(timm, own, options | form)


def _entrypoint(name: str) -> Any:  # noqa: ANN401 -- timm has no types
    timm, own = _timm(), name.removeprefix(TIMM)
    if not timm.is_model(own):
        near = difflib.get_close_matches(own, timm.list_models(), 5, 0)
        raise ErdeError(
            f"name must be a model that timm {timm.__version__} has, such as "
            f"{', '.join(TIMM + one for one in near)}, got {name!r}"
        )
    return timm.model_entrypoint(own.partition(".")[0])


def _timm() -> ModuleType:
    try:
        import timm
    except ModuleNotFoundError as error:
        wanted = f"timm/<model> needs timm: pip install '{extra_with('timm')}'"
        raise ErdeError(f"name must be of a network that is installed: {wanted}") from error
    module: ModuleType = timm
    return module


def _created(timm: ModuleType, name: str, options: dict[str, Any]) -> nn.Module:
    try:
        model: nn.Module = timm.create_model(name, **options)
    except (AssertionError, AttributeError, TypeError, RuntimeError) as error:
        first = str(error).partition("\n")[0]
        if options["pretrained"]:
            raise OSError(f"the weights of {TIMM}{name} cannot be had: {first}") from error
        raise ErdeError(
            f"{TIMM}{name} must give feature maps or tokens of such images, got from timm: {first}"
        ) from error
    return model


def _maps(features: nn.Module, name: str, image_shape: Shape) -> Backbone:
    reduction = getattr(getattr(features, "feature_info", None), "reduction", list)
    reductions: list[int] = list(reduction())
    stem_maps = sum(times < _STAGES_FROM for times in reductions)
    cut = timm_stages(features)
    zero_features(name, nn.Sequential(*cut), image_shape)
    check_stages(features, cut, image_shape, stem_maps)
    stem = nn.Sequential(*cut[:stem_maps])
    blocks = [_blocks_of(stage) for stage in cut[stem_maps:]]
    return Backbone(
        stem=stem,
        blocks=((index, block) for index, parts in enumerate(blocks) for block in parts),
        counts=tuple(map(len, blocks)),
        initialised=True,
    )


def _blocks_of(stage: nn.Sequential) -> list[nn.Module]:
    """What one can leave after: of a stage that ends in a Sequential, that one's parts."""
    *before, last = stage
    if type(last) is not nn.Sequential or not len(last):
        return [stage]
    first, *others = last
    return [nn.Sequential(*before, first) if before else first, *others]


class _Embedding(nn.Module):
    """Images to tokens: what a vision transformer does before its first block."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 -- timm has no types
        super().__init__()
        self.model = model
        # Its own forward is never called; what it would run after the tokens is not kept.
        for name in ("blocks", "norm", "attn_pool", "fc_norm", "head_drop", "head"):
            setattr(model, name, nn.Identity())

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.model._pos_embed(self.model.patch_embed(images))
        embedded: Tensor = self.model.norm_pre(self.model.patch_drop(tokens))
        return embedded


def _tokens(model: Any, image_shape: Shape) -> Backbone:  # noqa: ANN401 -- timm has no types
    # Where timm normalises behind its pooling, the tokens have no norm of their own.
    norm = model.fc_norm if isinstance(model.norm, nn.Identity) else model.norm
    blocks, prefix = list(model.blocks), int(model.num_prefix_tokens)
    patches = model.patch_embed.patch_size
    rest = [side % patch for side, patch in zip(image_shape[1:], patches, strict=True)]
    if any(rest):  # timm would leave the last pixels out
        raise ErdeError(
            f"images must have sides that are multiples of the {patches[0]}×{patches[1]} patches, "
            f"got {image_shape[1]}×{image_shape[2]}"
        )
    return Backbone(
        stem=_Embedding(model),
        blocks=_ended(blocks, norm),
        counts=(1,) * len(blocks),
        features="NLC",
        prefix_tokens=prefix,
        initialised=True,
    )


def _ended(blocks: list[nn.Module], norm: nn.Module) -> Iterator[tuple[int, nn.Module]]:
    """A stage per block; the last ends with the model's norm."""
    *others, last = blocks
    yield from enumerate(others)
    yield len(others), nn.Sequential(last, norm)
