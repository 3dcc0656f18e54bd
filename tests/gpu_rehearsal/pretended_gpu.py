"""A GPU that is none: tensors of the CPU that say they are on ``cuda:0``.

What a real GPU refuses (operands on two devices) is refused, as is what gives other bits there each
time; and what makes the host wait for it
(reading a number, counting what a mask leaves, a copy from pageable memory) is counted. The values
are the CPU's own, so that a result can be held to the CPU's bit for bit.

It is a rehearsal: kernels, memory and speed are not a GPU's, and what C++ itself asks of a tensor's
device is answered with the CPU.
"""

import contextlib
import threading
from collections import Counter
from functools import partial
from types import SimpleNamespace
from unittest import mock

import torch
from torch.optim import swa_utils
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

from erde_torch.training import loop
from tests.gpu_rehearsal.fused_kernels import FUSED
from tests.gpu_rehearsal.pretended_graph import CAPTURE, PretendedGraph, PretendedStream, captured

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
GENERATOR = torch.Generator()
WAITS = Counter()
_COUNTED = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2", "bincount"}
_BY_CHANCE = {"_adaptive_avg_pool2d_backward"}
_INDEXED = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index"}


class MixedDevicesError(RuntimeError):
    """An operation was given tensors of both devices."""


class ChanceError(RuntimeError):
    """A GPU adds up the numbers of this operation in an order of chance."""


class Pretended(torch.Tensor):
    """A tensor of the CPU, ``host``, in the clothes of one on the GPU."""

    @staticmethod
    def __new__(cls, host):
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            host.shape,
            strides=host.stride(),
            storage_offset=host.storage_offset(),
            dtype=host.dtype,
            device=CPU,
        )
        made.host = host.detach()
        return made

    device = property(lambda self: GPU)
    is_cuda = property(lambda self: True)
    is_cpu = property(lambda self: False)

    def __deepcopy__(self, memo):
        made = Pretended(self.host.clone()).requires_grad_(self.requires_grad)
        made._is_param = getattr(self, "_is_param", False)
        return memo.setdefault(id(self), made)

    def numpy(self, *_, **__):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    def tolist(self):
        wait("tolist")
        return self.host.tolist()

    @classmethod
    def __torch_dispatch__(cls, op, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name, leaves = op._schema.name.partition("::")[2], tree_leaves((args, kwargs))
        _judge(name, args, leaves)
        if kwargs.get("device") is not None:
            kwargs["device"] = CPU
        wrappers = {id(t.host): t for t in leaves if isinstance(t, Pretended)}
        hosts = tree_map(_host, (args, kwargs))
        act = FUSED.get(name, op)
        if torch.Tag.nondeterministic_seeded in op.tags:
            act = _by_chance_of_the_gpu(act)
        out = done(act, hosts[0], hosts[1], op._schema)
        # In place and with out= the operand itself comes back.
        return tree_map(lambda t: wrappers[id(t)] if id(t) in wrappers else _pretended(t), out)


def _by_chance_of_the_gpu(act):
    """``act`` draws from the GPU's generator; the CPU's stays where it is."""

    def drawing(*args, **kwargs):
        before = torch.default_generator.get_state()
        torch.default_generator.set_state(GENERATOR.get_state())
        try:
            return act(*args, **kwargs)
        finally:
            GENERATOR.set_state(torch.default_generator.get_state())
            torch.default_generator.set_state(before)

    return drawing


def done(act, args, kwargs, schema=None):
    """What ``act`` gives; where this thread captures, it is noted for the replays."""
    tape = getattr(CAPTURE, "tape", None)
    return act(*args, **kwargs) if tape is None else tape.do(act, args, kwargs, schema)


def wait(name, device=None, *, times=1):
    """The host waits for the GPU, which it must not while it captures."""
    if times and getattr(CAPTURE, "tape", None) is not None:
        raise RuntimeError(f"{name}: operation not permitted when stream is capturing")
    WAITS[name] += times


def _host(value):
    return value.host if isinstance(value, Pretended) else value


def _pretended(value):
    return Pretended(value) if isinstance(value, torch.Tensor) else value


def _judge(name, args, leaves):
    """Refuse what a GPU refuses, and count what would wait for it."""
    if name in _BY_CHANCE:
        raise ChanceError(name)
    others = [t for t in leaves if isinstance(t, torch.Tensor) and not isinstance(t, Pretended)]
    indexed = name in _INDEXED and isinstance(args[0], Pretended)
    if name != "copy_" and not indexed and any(t.dim() for t in others):
        raise MixedDevicesError(f"{name}: expected all tensors on cuda:0, got some on the CPU")
    masked = indexed and any(
        isinstance(t, torch.Tensor) and t.dtype == torch.bool for t in tree_leaves(args[1])
    )
    if name in _COUNTED or masked or (others and (indexed or name == "copy_")):
        wait(name)


def _target(args, kwargs):
    """The device that ``to`` and factories are asked for; None where it is left open."""
    for value in (kwargs.get("device"), *args[1:2]):
        if isinstance(value, torch.Tensor):
            return value.device
        if isinstance(value, (str, torch.device)):
            return torch.device(value)
    return None


class Rules(TorchFunctionMode):
    """Copies between the devices, and what is made on the GPU in the first place."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if function is torch.Tensor.pin_memory:
            pinned = args[0].clone()
            pinned.pinned = True
            return pinned
        if function is torch.Tensor.cpu:
            return self._copied(args[0], CPU, {})
        if function is torch.Tensor.to:
            return self._to(args, kwargs)
        device = kwargs.get("device")
        if device is not None and torch.device(device).type == "cuda":
            # What a factory's values come from lies on the host.
            wait("copy to the GPU", times=function in (torch.tensor, torch.as_tensor))
            made = done(function, args, kwargs | {"device": CPU})
            return made if isinstance(made, Pretended) else Pretended(made)
        return function(*args, **kwargs)

    def _to(self, args, kwargs):
        target, tensor = _target(args, kwargs), args[0]
        more = {k: v for k, v in kwargs.items() if k not in ("device", "non_blocking")}
        for value in args[1:]:
            if isinstance(value, torch.dtype | torch.Tensor):
                more["dtype"] = getattr(value, "dtype", value)
        if target is not None:
            tensor = self._copied(tensor, target, kwargs, asked=args[3:4])
        more = {name: value for name, value in more.items() if value is not None}
        return tensor.to(**more) if more else tensor

    @staticmethod
    def _copied(tensor, target, kwargs, asked=()):
        up = target.type == "cuda"
        if up == isinstance(tensor, Pretended):
            return tensor
        quick = kwargs.get("non_blocking") or any(asked)
        waits = not (up and quick and getattr(tensor, "pinned", False))
        wait("copy to the GPU" if up else "copy to the host", times=waits)
        copied = tensor.detach().clone() if up else tensor.host.clone()
        return Pretended(copied) if up else copied


# What ``torch.cuda`` answers.
FACTS = {
    "is_available": True,
    "device_count": 1,
    "current_device": 0,
    "get_device_name": "pretended GPU",
    "is_bf16_supported": True,
    "mem_get_info": (80 << 30, 80 << 30),
    "get_device_properties": SimpleNamespace(
        uuid="GPU-pretended", total_memory=80 << 30, major=9, minor=0
    ),
    "max_memory_allocated": 1 << 20,
    "max_memory_reserved": 1 << 20,
    "memory_allocated": 0,
    "memory_reserved": 0,
    "manual_seed_all": None,
    "set_device": None,
    "reset_peak_memory_stats": None,
}


def _healthy(optimiser):
    """What PyTorch's optimisers ask for when they are captured."""
    capturing = getattr(CAPTURE, "tape", None) is not None
    if capturing and not all(group["capturable"] for group in optimiser.param_groups):
        raise RuntimeError("param_groups' capturable is False")


@contextlib.contextmanager
def pretended_gpu():
    """While the block runs, PyTorch has one GPU; gives the counter of what waits for it."""
    autocast, run = torch.autocast, threading.Thread.run

    def run_by_the_rules(thread):  # modes belong to a thread
        with Rules():
            run(thread)

    patches = [
        mock.patch.object(torch.cuda, name, lambda *_, value=value, **__: value)
        for name, value in FACTS.items()
    ]
    order = loop.order_of_training
    patches += [
        # The CPU computes, and channels last would damage its memory.
        mock.patch.object(loop, "order_of_training", lambda *given: order(*given[:2], CPU)),
        mock.patch.object(torch.cuda, "synchronize", partial(wait, "synchronize")),
        mock.patch.object(torch.cuda, "Stream", PretendedStream),
        mock.patch.object(torch.cuda, "current_stream", PretendedStream),
        mock.patch.object(torch.cuda, "stream", contextlib.nullcontext),
        mock.patch.object(torch.cuda, "CUDAGraph", PretendedGraph),
        mock.patch.object(torch.cuda, "graph", captured),
        mock.patch.object(torch.cuda, "empty_cache"),
        mock.patch.object(torch.cuda, "default_generators", (GENERATOR,)),
        mock.patch.object(torch, "autocast", lambda _, *a, **k: autocast("cpu", *a, **k)),
        mock.patch.object(threading.Thread, "run", run_by_the_rules),
    ]
    grouped = swa_utils._group_tensors_by_device_and_dtype

    def grouped_there(lists, with_indices=False):  # C++ says that they are on the CPU
        there = any(isinstance(t, Pretended) for t in lists[0])
        found = grouped(lists, with_indices)
        return {(GPU if there else d, kind): v for (d, kind), v in found.items()}

    grouping, optimiser = "_group_tensors_by_device_and_dtype", torch.optim.Optimizer
    patches += [
        mock.patch.object(swa_utils, grouping, grouped_there),
        mock.patch.object(optimiser, grouping, staticmethod(grouped_there)),
        mock.patch.object(optimiser, "_accelerator_graph_capture_health_check", _healthy),
    ]
    future = torch.__future__
    with contextlib.ExitStack() as stack:
        for patch in patches:
            stack.enter_context(patch)
        before = future.get_overwrite_module_params_on_conversion()
        stack.callback(future.set_overwrite_module_params_on_conversion, before)
        future.set_overwrite_module_params_on_conversion(True)
        stack.enter_context(Rules())
        GENERATOR.seed()
        WAITS.clear()
        yield WAITS
