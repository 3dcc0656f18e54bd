"""The counter: PyTorch's own formulas, and those that it lacks; it passes over no product."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, shape_wrapper

from erde_core.errors import ErdeError
from erde_torch.networks.counting.operations import formulas, is_free


@contextmanager
def counted_macs() -> Iterator["MacCounter"]:
    """A counter of the multiply-accumulates of what runs inside.

    ``nn.MultiheadAttention`` and ``nn.TransformerEncoderLayer`` leave in eval mode for one fused
    kernel, ``scaled_dot_product_attention`` on a CPU for another. Inside, all of them are matrix
    products.

    Raises:
        ErdeError: inside, what runs may multiply, and nobody can count how much.
    """
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH), MacCounter() as counter:
            yield counter
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


class MacCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # PyTorch's
    """Takes each operation apart as far as it can be, and counts what is left.

    PyTorch's own ``FlopCounterMode`` counts what it does not know as nothing. It also follows which
    module is running, and fails where one is given a parameter.
    """

    supports_higher_order_operators = True  # to refuse them by name

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # PyTorch's
        own: dict[Any, Any] = {}
        for operation, formula in formulas().items():
            own[operation] = shape_wrapper(formula)  # type: ignore[no-untyped-call]  # PyTorch's
        self._formulas = {**flop_registry, **own}
        self._operations = 0

    @property
    def macs(self) -> int:
        """Multiply-accumulates so far: two operations make one."""
        return self._operations // 2

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 -- PyTorch has no types for operations
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        kwargs = kwargs or {}
        packet = getattr(func, "_overloadpacket", None)  # none has what takes functions, as cond
        formula = self._formulas.get(packet)
        if formula is None and packet is not None:
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        if formula is None and (packet is None or not is_free(func)):
            raise ErdeError(
                "network must be made of operations whose multiply-accumulates are known, "
                f"got {packet or func}"
            )
        made = func(*args, **kwargs)
        if formula is not None:
            self._operations += int(formula(*args, **kwargs, out_val=made))
        return made
