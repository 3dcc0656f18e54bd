"""Batch norms folded into the convolutions before them, where that is sure to change no answer."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeGuard, TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_PACKAGE = f"{__name__.partition('.')[0]}."
_M = TypeVar("_M", bound=nn.Module)


def fold_norms(network: nn.Module) -> nn.Module:
    """``network``, in eval mode, with each batch norm after a convolution folded into its weights.

    The answers stay the same up to rounding; early stages, whose features are large, gain most.
    Only neighbours in an ``nn.Sequential`` are folded, and only ``nn.Conv2d`` and
    ``nn.BatchNorm2d`` themselves: a subclass may compute more (timm's ``BatchNormAct2d`` has an
    activation), and so may a hook, a parametrisation or a ``forward`` of the instance. A Sequential
    inside a module of another's is left alone: that module may call its parts one by one, with
    something between them.
    """
    owners = _owners(network)
    for parent in network.modules():
        if not _runs_in_order(parent) or not _is_called_whole(parent, owners):
            continue
        for name, following in pairwise(list(parent._modules)):
            convolution, norm = parent._modules[name], parent._modules[following]
            if _is_plain(convolution, nn.Conv2d) and _folds(norm):
                parent._modules[name] = fuse_conv_bn_eval(convolution, norm)
                parent._modules[following] = nn.Identity()
    return network


def _runs_in_order(parent: nn.Module) -> bool:
    """Whether it is a Sequential that runs its children one after the other."""
    own = isinstance(parent, nn.Sequential) and "forward" not in vars(parent)
    return own and type(parent).forward is nn.Sequential.forward


def _owners(network: nn.Module) -> dict[nn.Module, list[nn.Module]]:
    """Of each module inside ``network``, those that hold it."""
    found: dict[nn.Module, list[nn.Module]] = {}
    for owner in network.modules():
        for part in owner.children():
            found.setdefault(part, []).append(owner)
    return found


def _is_called_whole(part: nn.Module, owners: Mapping[nn.Module, Sequence[nn.Module]]) -> bool:
    """Whether it is known that no module calls some of its children alone.

    Those of this package never do; a list, or a Sequential that is called whole, passes it on.
    """
    return all(
        _is_called_whole(owner, owners)
        if _runs_in_order(owner) or type(owner) is nn.ModuleList
        else _is_ours(owner)
        for owner in owners.get(part, ())
    )


def _is_ours(owner: nn.Module) -> bool:
    """Whether code of this package alone says how it uses what it holds."""
    methods = [getattr(type(owner), name, None) for name in ("forward", "exit_stages")]
    written = [method.__module__ for method in methods if method is not None]
    return "forward" not in vars(owner) and all(name.startswith(_PACKAGE) for name in written)


def _folds(norm: nn.Module | None) -> TypeGuard[nn.BatchNorm2d]:
    """Whether its statistics are fixed numbers."""
    return _is_plain(norm, nn.BatchNorm2d) and norm.running_mean is not None and not norm.training


def _is_plain(module: nn.Module | None, kind: type[_M]) -> TypeGuard[_M]:
    """Whether it computes what its class says, and nothing beside it.

    A parametrised module has a class of its own; the old weight norm is a hook.
    """
    if type(module) is not kind or "forward" in vars(module):
        return False
    return not (module._forward_hooks or module._forward_pre_hooks)
