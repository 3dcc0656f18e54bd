"""Networks as far as their shapes go: no memory, and no random numbers, are spent on weights."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_DRAWS = (torch.Tensor.normal_, torch.Tensor.uniform_, torch.Tensor.bernoulli_)


@contextlib.contextmanager
def shapes_only() -> Iterator[None]:
    """Modules that are made inside have parameters on the meta device."""
    with torch.device("meta"), _NoDraws():
        yield


class _NoDraws(TorchFunctionMode):
    """Leaves out what fills a tensor at random.

    On the meta device it gives nothing.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        if func in _DRAWS:
            return args[0]
        return func(*args, **(kwargs or {}))
