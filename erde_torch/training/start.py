"""What a training starts from: random weights, a file's, or those that timm publishes."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from erde_core.errors import ErdeError
from erde_torch.networks.build import build_network
from erde_torch.networks.multi_exit import MultiExitNetwork
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.weights import NetworkCard

_WRAPPERS = ("model_ema", "state_dict", "model")
_PREFIX = "module."
_SHOWN = 3


def starting_network(card: NetworkCard, network: NetworkSettings) -> MultiExitNetwork:
    """The network of ``card`` with the weights that ``network`` says to start from.

    Raises:
        ValueError: the file is not there, cannot be read without running code that it holds, or
            its tensors, but for missing heads, are not the network's.
        OSError: published weights cannot be had.
    """
    if network.weights is None:
        return card.build()
    if network.weights == "pretrained":
        classes = len(card.class_names)
        return build_network(network, classes, card.image_shape, pretrained=True)
    built = card.build()
    _start_from(built, Path(network.weights))
    return built


def _start_from(network: MultiExitNetwork, path: Path) -> None:
    found, own = _read(path), network.state_dict()
    wrong = [
        f"{name} {_shape(found.get(name))} for {_shape(tensor)}"
        for name, tensor in own.items()
        if _shape(found.get(name)) != _shape(tensor)
        and not (name.startswith("heads.") and name not in found)
    ]
    wrong += [f"{name} {_shape(t)} for none" for name, t in found.items() if name not in own]
    if wrong:
        shown = ", ".join(islice(wrong, _SHOWN))
        more = f" (and {len(wrong) - _SHOWN} more)" if len(wrong) > _SHOWN else ""
        raise ErdeError(f"weights must be those of the network, got in {path}: {shown}{more}")
    network.load_state_dict(found, strict=False)


def _read(path: Path) -> dict[str, Tensor]:
    """Names and tensors, out of whatever is usually around them."""
    if not path.is_file():
        raise ErdeError(f"weights must be a file or 'pretrained', got {str(path)!r}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        held = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, UnpicklingError, OSError, EOFError, RuntimeError) as error:
        first = str(error).partition("\n")[0]
        raise ErdeError(f"weights must be a file of tensors alone, got {path}: {first}") from error
    return _unwrapped(held, path)


def _unwrapped(held: Any, path: Path) -> dict[str, Tensor]:  # noqa: ANN401 -- a file holds anything
    for wrapper in _WRAPPERS:
        if isinstance(held, Mapping) and isinstance(held.get(wrapper), Mapping):
            return _unwrapped(held[wrapper], path)
    if not isinstance(held, Mapping) or not all(isinstance(t, Tensor) for t in held.values()):
        raise ErdeError(f"weights must be a mapping of names to tensors, got another in {path}")
    return {str(name).removeprefix(_PREFIX): tensor for name, tensor in held.items()}


def _shape(tensor: Tensor | None) -> str:
    return "none" if tensor is None else str(tuple(tensor.shape))
