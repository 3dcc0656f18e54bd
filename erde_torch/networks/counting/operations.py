"""Which operations of PyTorch multiply, how much, and which are known not to."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import torch

Operation = Any  # an overload, or the packet of all; PyTorch has no types for them
Formula = Callable[..., int]  # shapes in the place of tensors, to operations: two make one MAC

# Besides what PyTorch's counter knows. Of convolutions and matrix products it knows the usual ones.
_FORMULAS: dict[str, Formula] = {
    "aten::_trilinear": lambda *args, **_: 2 * _trilinear(*args),
    "aten::addbmm": lambda _, left, right, **__: 2 * math.prod(left) * right[2],
    "aten::addmv": lambda _, matrix, vector, **__: 2 * math.prod(matrix),
    "aten::dot": lambda left, right, **_: 2 * left[0],
    "aten::mkldnn_rnn_layer": lambda *args, **_: _recurrent(args[0], args[1:3]),
    "aten::mv": lambda matrix, vector, **_: 2 * math.prod(matrix),
    "aten::vdot": lambda left, right, **_: 2 * left[0],
    "aten::_cudnn_rnn": lambda inputs, weights, *_, **__: _recurrent(inputs, weights),
    "torchvision::deform_conv2d": lambda *args, out_shape, **_: (
        2 * math.prod(out_shape) * math.prod(args[1][1:])
    ),
}

# Of several tensors, and no products of them: by the definition of MACs here, they cost nothing.
# What takes one tensor, or works pixel by pixel, as PyTorch says, need not stand here.
_FREE_BY_KIND = {
    "norms and the weights that they divide": (
        "native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training "
        "_native_batch_norm_legit_functional _batch_norm_no_update _batch_norm_with_update "
        "_batch_norm_with_update_functional cudnn_batch_norm miopen_batch_norm "
        "native_layer_norm native_group_norm _fused_rms_norm _weight_norm_interface"
    ),
    "moving and picking": (
        "cat stack _stack _chunk_cat block_diag copy _copy_from _copy_from_and_resize set "
        "resize_as embedding gather index _unsafe_index _unsafe_masked_index index_add "
        "index_copy index_fill index_put _index_put_impl _unsafe_index_put "
        "_unsafe_masked_index_put_accumulate index_reduce index_select masked_fill "
        "masked_scatter masked_select put take scatter scatter_add scatter_reduce "
        "select_scatter slice_scatter as_strided_scatter diagonal_scatter fill searchsorted "
        "bucketize isin bincount sort topk kthvalue median nanmedian mode max min "
        "_cummax_helper _cummin_helper segment_reduce linspace _pack_padded_sequence"
    ),
    "resampling and pooling": (
        "grid_sampler_2d grid_sampler_3d cudnn_grid_sampler _grid_sampler_2d_cpu_fallback "
        "fractional_max_pool2d fractional_max_pool3d max_unpool2d max_unpool3d"
    ),
    "number by number": (
        "_prelu_kernel rrelu_with_noise log_sigmoid_forward _masked_softmax "
        "_thnn_fused_lstm_cell _thnn_fused_gru_cell _add_relu _masked_scale addr rsub "
        "floor_divide complex polar dist linalg_cross normal bernoulli"
    ),
    "checks": ("_functional_assert_async is_same_size is_set_to _has_same_storage_numel allclose"),
}
_FREE = frozenset(" ".join(_FREE_BY_KIND.values()).split())
# Of one tensor, and products in it all the same: transforms and decompositions.
_DEAR_OF_ONE = ("_fft_", "fft_", "linalg_", "_linalg_", "matrix_exp", "_pdist", "cholesky", "geqrf")
_FREE_OF_ONE = frozenset({"linalg_vector_norm", "linalg_diagonal"})
_NAMESPACES = ("aten", "prim", "prims", "profiler")


def formulas() -> Mapping[Operation, Formula]:
    """Of what PyTorch's counter does not know, as far as it is loaded, by operation."""
    found = {}
    for name, formula in _FORMULAS.items():
        space, _, bare = name.partition("::")
        operation = getattr(getattr(torch.ops, space), bare, None)
        if operation is not None:
            found[operation] = formula
    return found


@cache
def is_free(operation: Operation) -> bool:
    """Whether an operation (an overload) is known to multiply nothing that counts as a MAC."""
    schema = operation._schema
    space, _, name = schema.name.partition("::")
    if space not in _NAMESPACES:
        return False
    if space != "aten":
        return True
    bare = name.rstrip("_")  # that of the form that changes nothing in place
    if bare in _FREE or bare in _FREE_OF_ONE:
        return True
    if bare.startswith(_DEAR_OF_ONE):
        return False
    tensors = [a for a in schema.arguments if "Tensor" in str(a.type) and not a.is_out]
    lists = any("List" in str(a.type) for a in tensors)
    return (len(tensors) < 2 and not lists) or _pointwise(bare)


def _pointwise(name: str) -> bool:
    packet = getattr(torch.ops.aten, name, None)
    if packet is None:
        return False
    return any(torch.Tag.pointwise in getattr(packet, one).tags for one in packet.overloads())


def _recurrent(inputs: Sequence[int], weights: Sequence[Sequence[int]]) -> int:
    """Each matrix is applied to every step of every sequence."""
    steps = math.prod(inputs[:-1])
    return 2 * steps * sum(math.prod(one) for one in weights if len(one) == 2)


def _trilinear(
    first: Sequence[int],
    second: Sequence[int],
    third: Sequence[int],
    *expanded: Sequence[int],
) -> int:
    """As of a bilinear layer: all its axes, those over which it sums included."""
    shapes = []
    for shape, axes in zip((first, second, third), expanded, strict=False):
        whole = list(shape)
        for axis in sorted(axes):
            whole.insert(axis, 1)
        shapes.append(whole)
    return math.prod(max(sizes) for sizes in zip(*shapes, strict=True))
