"""A teacher that is an ONNX graph: ONNX Runtime is asked, on a GPU where it can."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from erde_core.errors import ErdeError
from erde_torch.networks.weights import NetworkCard
from erde_torch.teacher_cache.rounding import in_float32
from erde_torch.teachers.adapted import Adaptation
from erde_torch.teachers.classes import order_of
from erde_torch.teachers.facts import Data, Facts
from erde_torch.teachers.file import TeacherFile
from erde_torch.teachers.onnx_graph import OnnxGraph, open_graph
from erde_torch.teachers.probabilities import check_output, sum_remarks
from erde_torch.teachers.settings import OnnxTeacher, SeenAs

_AT_ONCE = 64  # images; what a graph keeps alive of them is not known
_GPU, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
_PROBES = 8  # random images


def look(teacher: OnnxTeacher, data: Data) -> Facts:
    """What a plan must know of it: the graph is asked about a few random images.

    Raises:
        ValueError: it does not take such images, or gives no logits of so many classes, or
            ``mean`` has other channels.
    """
    teacher.seen.check_channels(data.image_shape[0])
    graph = open_graph(Path(teacher.onnx), data.image_shape, teacher.seen.image_size)
    if data.class_names is not None:
        order_of(teacher.classes, None, data.class_names)
    asked = _Questions(graph.model, _how(graph), teacher.threads, "cpu")
    shape = (_PROBES, data.image_shape[0], *graph.image_size)
    probes = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    answers = asked(probes)
    if answers.shape[2] != data.classes:
        raise ErdeError(
            f"onnx must have {data.classes} classes like the data set, got {answers.shape[2]}"
        )
    worst = check_output("onnx", answers, teacher.output)
    remarks = (*_remarks(graph), *sum_remarks([worst]))
    return Facts(exits=answers.shape[1], counted=graph.macs is not None, remarks=remarks)


def bring(teacher: OnnxTeacher, card: NetworkCard) -> tuple[TeacherFile, Facts]:
    """The teacher, as it is asked from now on; ``card`` is of the data set that it is to teach.

    Raises:
        What :func:`look` raises.
    """
    names = card.class_names
    data = Data(image_shape=card.image_shape, classes=len(names), class_names=names)
    found = look(teacher, data)
    graph = open_graph(Path(teacher.onnx), card.image_shape, teacher.seen.image_size)
    seen = SeenAs(mean=teacher.mean, std=teacher.std, image_size=graph.image_size)
    order = order_of(teacher.classes, None, names)
    facts = {**vars(_how(graph)), "exits": found.exits, "macs": graph.macs}
    model = torch.from_numpy(np.frombuffer(graph.model, np.uint8).copy())
    adaptation = Adaptation(seen, order, teacher.output == "probabilities")
    return TeacherFile("onnx", card, adaptation, facts, {"graph": model}), found


def load(file: TeacherFile, threads: int) -> "OnnxNetwork":
    """The network of a file that :func:`bring` made."""
    return OnnxNetwork(file, threads).eval()


@dataclass(frozen=True)
class How:
    """How a graph is asked; see :class:`OnnxGraph`."""

    input: str
    dtype: str
    batch: int | None
    channels_last: bool
    outputs: Sequence[str]


class OnnxNetwork(nn.Module):
    """A graph as a network: raw logits ``(N, exits, C)`` of normalised images of the data set.

    Attributes:
        exit_count: E_t.
        macs: to the end of each exit, int64; zeros where they cannot be counted.
        capturable: not by a CUDA graph, which sees nothing of ONNX Runtime.
    """

    graph: Tensor
    capturable = False

    def __init__(self, file: TeacherFile, threads: int) -> None:
        super().__init__()
        facts = dict(file.facts)
        self.exit_count = int(facts.pop("exits"))
        counted = facts.pop("macs") or [0] * self.exit_count
        self.macs: NDArray[np.int64] = np.array(counted, np.int64)
        # As a buffer, so that the hash of the network is one of the graph.
        self.register_buffer("graph", file.tensors["graph"])
        self.inputs = file.adaptation.inputs(file.card)
        self.outputs = file.adaptation.outputs()
        self._how, self._threads = How(**facts), threads
        self._asked: _Questions | None = None

    def forward(self, images: Tensor) -> Tensor:
        wanted = self.inputs(images).float()
        if self._asked is None:
            model = self.graph.cpu().numpy().tobytes()
            self._asked = _Questions(model, self._how, self._threads, images.device.type)
        answers = torch.from_numpy(self._asked(wanted.cpu().numpy()))
        logits: Tensor = self.outputs(answers.to(images.device))
        return logits


class _Questions:
    """A session of ONNX Runtime: images float32 ``(N, channels, H, W)`` to ``(N, exits, C)``."""

    def __init__(self, model: bytes, how: How, threads: int, device: str) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        able = onnxruntime.get_available_providers()
        providers = [_GPU, _CPU] if device == "cuda" and _GPU in able else [_CPU]
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=providers)
        except Exception as error:  # its errors have no common base
            raise ErdeError(
                f"onnx must be a graph that ONNX Runtime {onnxruntime.__version__} takes, "
                f"got from it: {_first_line(error)}"
            ) from error
        self._how = how

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        how = self._how
        given = images.transpose(0, 2, 3, 1) if how.channels_last else images
        parts = [self._ask(part) for part in _parts(given.astype(how.dtype), how.batch)]
        answers: NDArray[np.float32] = np.concatenate(parts)[: len(images)]
        return answers

    def _ask(self, part: NDArray[Any]) -> NDArray[np.float32]:
        how = self._how
        try:
            found = self._session.run(list(how.outputs), {how.input: np.ascontiguousarray(part)})
        except Exception as error:
            shape = " × ".join(map(str, part.shape))
            raise ErdeError(
                f"onnx must take images of {shape}, got from it: {_first_line(error)}"
            ) from error
        if len({np.shape(one) for one in found}) > 1:
            named = zip(how.outputs, map(np.shape, found), strict=True)
            shapes = ", ".join(f"{name} {shape}" for name, shape in named)
            raise ErdeError(f"onnx must give outputs of one shape, an exit each, got {shapes}")
        whole = np.stack(found, 1) if len(found) > 1 else np.asarray(found[0])
        logits = whole[:, None] if whole.ndim == 2 else whole
        if logits.ndim != 3 or len(logits) != len(part):
            shapes = ", ".join(str(tuple(one.shape)) for one in found)
            raise ErdeError(
                f"onnx must give (N, classes) or (N, exits, classes) of {len(part)} images, "
                f"got {shapes}"
            )
        return in_float32(logits).numpy()


def _parts(images: NDArray[Any], batch: int | None) -> Iterator[NDArray[Any]]:
    """So many at once as the graph takes; the last image fills up what a fixed number wants."""
    size = batch or _AT_ONCE
    for start in range(0, len(images), size):
        part = images[start : start + size]
        missing = size - len(part) if batch else 0
        yield np.concatenate([part, np.repeat(part[-1:], missing, 0)]) if missing else part


def _how(graph: OnnxGraph) -> How:
    return How(graph.input, graph.dtype, graph.batch, graph.channels_last, graph.outputs)


def _remarks(graph: OnnxGraph) -> Iterator[str]:
    if graph.batch == 1:
        yield "the graph takes one image at a time and is asked one by one, which is slow"
    elif graph.batch:
        yield f"the graph takes {graph.batch} images at a time, neither more nor fewer"
    if graph.channels_last:
        yield "the graph takes images with the channels last"
    if graph.macs is None:
        yield (
            f"the graph's multiply-accumulates cannot be counted ({graph.uncounted}): budgets are "
            "shares of the student's full cost"
        )


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
