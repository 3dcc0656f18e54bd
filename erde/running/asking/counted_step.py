"""Counts what a training step keeps for its backward pass, on tensors without memory.

It is a lower bound of what the step takes.
"""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from erde.running.asking.questions import PASSING
from erde.running.asking.step_memory import Device, Step
from erde_torch.device import autocast, choose_precision, forbid_tf32, on_device
from erde_torch.networks.build import build_network
from erde_torch.networks.macs import exit_macs
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.shapes_only import shapes_only

_PASSES = 3 * 2  # a step is three forward passes, a multiply-accumulate two operations
_SECONDS = 0.3  # of measuring
# Images of a call, and calls until the device is waited for.
_WINDOWS = {"cpu": (8, 1), "cuda": (1024, 20)}


def answer(
    networks: list[dict[str, Any]],
    classes: int,
    shape: list[int],
    device: str,
    machine: list[str | None],
    versions: list[str],
    precisions: list[str],
) -> dict[str, Any]:
    """``steps`` of the networks and ``device``, as plain data.

    The machine and the versions only tell one question from another. A device that could not be
    timed may be free in a moment.
    """
    channels, height, width = shape
    sizes = channels, height, width
    steps = [asdict(counted_step(NetworkSettings(**n), classes, sizes)) for n in networks]
    found = _device(device, precisions)
    told = {"steps": steps, "device": asdict(found)}
    return told if found.operations_per_second else told | {PASSING: True}


def counted_step(settings: NetworkSettings, classes: int, shape: tuple[int, int, int]) -> Step:
    """On images of ``shape`` (channels, height, width).

    Raises:
        ValueError: there is no such network for them.
    """
    with shapes_only():
        network = build_network(settings, classes, shape).train()
    weights = sum(parameter.numel() for parameter in network.parameters())
    operations = _PASSES * int(exit_macs(network, shape)[-1])
    return Step(weights, _kept_bytes(network, shape), operations)


def _kept_bytes(network: nn.Module, shape: tuple[int, int, int]) -> int:
    """Bytes that one image keeps alive until the backward pass."""
    own = {parameter.untyped_storage()._cdata for parameter in network.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage.nbytes()  # of a meta tensor: what it would have
        return tensor

    images = torch.empty(2, *shape, device="meta")
    with _LeanAttention(), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        alive = network(images)  # holds what was kept, so that no address comes twice
    del alive
    return sum(kept.values()) // 2


class _LeanAttention(TorchFunctionMode):
    """Attention as fused kernels keep it: without the product of queries and keys.

    On the meta device PyTorch takes the other form, which keeps it, whatever the real one does.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        if func is F.scaled_dot_product_attention:
            return _Attended.apply(*args[:3])
        return func(*args, **(kwargs or {}))


class _Attended(torch.autograd.Function):
    """Keeps queries, keys and values ``(…, tokens, channels)``; gives the result's shape."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(queries, keys, values)
        return queries.new_empty(*queries.shape[:-1], values.shape[-1])


def _device(wanted: str, precisions: list[str]) -> Device:
    """What trains here, timed in each of the precisions that trainings ask for."""
    if wanted == "cpu" or not torch.cuda.is_available():
        cpu = torch.device("cpu")
        return Device(0, choose_precision("auto", cpu), _speeds(cpu, precisions))
    gpu = torch.device("cuda")
    memory, precision = None, "bf16"  # in which least is kept: nothing is refused for it
    try:
        memory = torch.cuda.get_device_properties(gpu).total_memory
        precision = choose_precision("auto", gpu)
        return Device(memory, precision, _speeds(gpu, precisions))
    except RuntimeError:  # nobody has claimed the GPU for this: another job may fill it
        return Device(memory, precision, {})


def _speeds(device: torch.device, precisions: list[str]) -> dict[str, float]:
    forbid_tf32()
    return {
        asked: _operations_per_second(device, choose_precision(asked, device))
        for asked in precisions
    }


def _operations_per_second(device: torch.device, precision: str) -> float:
    """By calls of which a GPU has enough to do, and is waited for once in many."""
    batch, calls = _WINDOWS[device.type]
    on_gpu = device.type == "cuda"
    order = torch.channels_last if on_gpu else torch.contiguous_format
    layer = on_device(nn.Conv2d(64, 64, 3, padding=1, bias=False), device, order)
    images = torch.randn(batch, 64, 28, 28, device=device).to(memory_format=order)
    operations, done = 2 * batch * 28 * 28 * 64 * 64 * 9, 0

    def window() -> None:
        for _ in range(calls):
            layer(images)
        if on_gpu:
            torch.cuda.synchronize(device)

    with torch.no_grad(), autocast(precision, device):
        window()
        started = time.perf_counter()
        while time.perf_counter() - started < _SECONDS:
            window()
            done += calls
    return operations * done / (time.perf_counter() - started)
