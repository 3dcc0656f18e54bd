"""Names and tensors out of files of other programs: safetensors, or what ``torch.save`` wrote."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from erde_core.errors import ErdeError

_WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model")
_PARALLEL, _COMPILED = "module", "_orig_mod"  # what DataParallel and torch.compile add to names
_SHOWN = 3


def read_state_dict(key: str, path: Path) -> dict[str, Tensor]:
    """Names and tensors, out of whatever is usually around them.

    A mapping under ``state_dict_ema`` (timm's), ``model_ema``, ``state_dict`` or ``model`` is what
    counts, averaged weights first. Of names, in either kind of file, ``module.`` of (Distributed)
    DataParallel is taken off at the front and ``_orig_mod.`` of ``torch.compile`` wherever it
    stands, in any order. No code that a file holds is run.

    Args:
        key: what errors call the file.
        path: safetensors, or a file of ``torch.save`` that its reader takes with ``weights_only``.

    Raises:
        ValueError: no such file, one that only running its code would read, no mapping of names
            to tensors, or two tensors with one name but for what is taken off.
    """
    if not path.is_file():
        raise ErdeError(f"{key} must be a file, got {str(path)!r}")
    try:
        if path.suffix == ".safetensors":
            return _plainly_named(key, load_file(path), path)
        held = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise ErdeError(
            f"{key} must be a file of tensors alone, got {path}, which only running code that it "
            "holds would read: save its state_dict()"
        ) from error
    except (SafetensorError, OSError, EOFError, RuntimeError) as error:
        first = str(error).partition("\n")[0] or type(error).__name__
        raise ErdeError(f"{key} must be a file of tensors alone, got {path}: {first}") from error
    return _unwrapped(key, held, path)


def differing(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """The first three tensors that differ in name or shape, and how many more do; else nothing."""
    wrong = [
        f"{name} {_shape(found.get(name))} for {_shape(tensor)}"
        for name, tensor in wanted.items()
        if _shape(found.get(name)) != _shape(tensor)
    ]
    wrong += [f"{name} {_shape(t)} for none" for name, t in found.items() if name not in wanted]
    return _listed(wrong)


def _listed(wrong: Iterable[str]) -> str:
    wrong = list(wrong)
    shown = ", ".join(islice(wrong, _SHOWN))
    return f"{shown} (and {len(wrong) - _SHOWN} more)" if len(wrong) > _SHOWN else shown


def _unwrapped(key: str, held: Any, path: Path) -> dict[str, Tensor]:  # noqa: ANN401 -- a file holds anything
    for wrapper in _WRAPPERS:
        if isinstance(held, Mapping) and isinstance(held.get(wrapper), Mapping):
            return _unwrapped(key, held[wrapper], path)
    if not isinstance(held, Mapping) or not all(isinstance(t, Tensor) for t in held.values()):
        raise ErdeError(f"{key} must be a mapping of names to tensors, got another in {path}")
    return _plainly_named(key, held, path)


def _plainly_named(key: str, held: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """By the names that the network had before it was wrapped."""
    found: dict[str, Tensor] = {}
    for name, tensor in held.items():
        plain = _plain_name(str(name))
        if plain in found:
            raise ErdeError(
                f"{key} must have one tensor of each name, got two of {plain} but for "
                f"{_PARALLEL}. and {_COMPILED}. before it in {path}"
            )
        found[plain] = tensor
    return found


def _plain_name(name: str) -> str:
    parts = [part for part in name.split(".") if part != _COMPILED]
    while len(parts) > 1 and parts[0] == _PARALLEL:
        del parts[0]
    return ".".join(parts)


def _shape(tensor: Tensor | None) -> str:
    return "none" if tensor is None else str(tuple(tensor.shape))
