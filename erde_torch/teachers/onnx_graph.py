"""An ONNX graph that classifies images: what it takes, what it gives, what it costs. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from erde_core.errors import ErdeError
from erde_torch.teachers.onnx_macs import exit_costs

_FLOATS = {1: "float32", 10: "float16", 11: "float64"}  # TensorProto's numbers of these types
_LARGEST = 2**31 - 2**20  # bytes; what protobuf can write


@dataclass(frozen=True, kw_only=True)
class OnnxGraph:
    """A graph that was looked at.

    Attributes:
        model: as bytes, with what it kept outside.
        input: the name of its input.
        dtype: of the input, as NumPy calls it.
        batch: how many images it takes at once; None for any number.
        channels_last: whether it takes (N, H, W, channels).
        image_size: (height, width) that it is given.
        outputs: their names, one per exit, or one with (N, C) or (N, exits, C).
        macs: per exit, where they can be counted.
        uncounted: why they cannot; else nothing.
    """

    model: bytes
    input: str
    dtype: str
    batch: int | None
    channels_last: bool
    image_size: tuple[int, int]
    outputs: tuple[str, ...]
    macs: tuple[int, ...] | None
    uncounted: str = ""


def open_graph(
    path: Path, image_shape: tuple[int, int, int], image_size: tuple[int, int] | None
) -> OnnxGraph:
    """Read a graph, and hold it to images of (channels, height, width).

    Args:
        path: of the file; what it keeps outside lies beside it.
        image_shape: of the data set.
        image_size: (height, width) that it is said to take; None: what the graph says, or else the
            data set's.

    Raises:
        ValueError: no such graph, or it has not one input of images of so many channels.
    """
    import onnx

    model = _read(path)
    given = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in given]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs)
        raise ErdeError(f"onnx must have one input, the images, got {len(inputs)} ({names})")
    tensor = inputs[0].type.tensor_type
    if tensor.elem_type not in _FLOATS:
        kind = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
        raise ErdeError(f"onnx must take images as floating-point numbers, got {kind} in {path}")
    dims = [dim.dim_value or None for dim in tensor.shape.dim]
    batch, last, size = _layout(dims, image_shape, image_size, path)
    channels = image_shape[0]
    images = batch or 1
    shape = (images, *size, channels) if last else (images, channels, *size)
    outputs = tuple(value.name for value in model.graph.output)
    macs, uncounted = exit_costs(model, inputs[0].name, shape)
    return OnnxGraph(
        model=_bytes(model, path),
        input=inputs[0].name,
        dtype=_FLOATS[tensor.elem_type],
        batch=batch,
        channels_last=last,
        image_size=size,
        outputs=outputs,
        macs=macs,
        uncounted=uncounted,
    )


def outside_files(path: Path) -> list[Path]:
    """The files beside a graph in which it keeps its weights; none where it cannot be read."""
    import onnx

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception:  # whoever reads it says what is wrong
        return []
    places = {
        entry.value
        for tensor in model.graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }
    return [path.parent / place for place in sorted(places)]


def _read(path: Path) -> Any:  # noqa: ANN401 -- onnx's protocol buffers have no types
    import onnx

    if not path.is_file():
        raise ErdeError(f"onnx must be a file, got {str(path)!r}")
    try:
        return onnx.load(str(path))
    except Exception as error:  # protobuf's, or the operating system's of a file beside it
        first = str(error).partition("\n")[0]
        raise ErdeError(f"onnx must be a readable ONNX file, got {path}: {first}") from error


def _bytes(model: Any, path: Path) -> bytes:  # noqa: ANN401
    if model.ByteSize() > _LARGEST:
        raise ErdeError(
            f"onnx must be below 2 GiB with its weights, got {model.ByteSize() / 2**30:.1f} GiB "
            f"in {path}"
        )
    data: bytes = model.SerializeToString()
    return data


def _layout(
    dims: Sequence[int | None],
    image_shape: tuple[int, int, int],
    image_size: tuple[int, int] | None,
    path: Path,
) -> tuple[int | None, bool, tuple[int, int]]:
    """Batch, whether channels come last, and (height, width)."""
    channels, *own = image_shape
    shown = " × ".join("any" if dim is None else str(dim) for dim in dims)
    if len(dims) != 4:
        raise ErdeError(f"onnx must take images with 4 axes, got {shown} in {path}")
    batch, *rest = dims
    last = rest[0] != channels and rest[2] == channels
    if not last and rest[0] not in (None, channels):
        raise ErdeError(
            f"onnx must take images with {channels} channels like the data set's, "
            f"got {shown} in {path}"
        )
    fixed = rest[:2] if last else rest[1:]
    wanted = image_size or tuple(own)
    size = [side or other for side, other in zip(fixed, wanted, strict=True)]
    if image_size is not None and tuple(size) != image_size:
        raise ErdeError(
            f"image_size must be {size[0]} × {size[1]}, which is what the graph takes, "
            f"got {image_size[0]} × {image_size[1]}"
        )
    return batch, last, (size[0], size[1])
