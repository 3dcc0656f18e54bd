"""What is timed: teacher and student to their ends, and the student with exits, per runtime.

To its end a network runs without its early heads, as one would ship it. Every contender goes from
images to class and probability; PyTorch from normalised images on the device, ONNX Runtime from
pixels.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from erde_core.policy import exit_indices
from erde_core.scores.fitted import FittedScore
from erde_core.store.manifest import Fields
from erde_torch.device import autocast, choose_precision
from erde_torch.export.agreement import Predict
from erde_torch.export.folder import write_deployment
from erde_torch.export.manifest import network_fields
from erde_torch.export.onnx_graph import stage_models
from erde_torch.int8.deployment import write_int8_deployment
from erde_torch.int8.quantise import quantised_stages
from erde_torch.int8.runtime import normalised
from erde_torch.int8.settings import Int8Settings
from erde_torch.int8.stages import stages_hash
from erde_torch.latency.measure import Contender
from erde_torch.latency.names import STUDENT, TEACHER
from erde_torch.latency.whole import WholeNetwork, whole_macs
from erde_torch.networks.folding import fold_norms
from erde_torch.networks.multi_exit import MultiExitNetwork
from erde_torch.networks.staged import StagedNetwork, images_at_once
from erde_torch.networks.viewed_images import plain_images
from erde_torch.networks.weights import NetworkCard

Call = Callable[[torch.Tensor], torch.Tensor]
RUNTIMES = ("eager", "compiled", "ONNX Runtime")
BF16_RUNTIMES = ("eager bf16", "compiled bf16")
INT8_RUNTIME = "ONNX Runtime int8"


@dataclass(frozen=True)
class Int8Trial:
    """The student in 8 bits, a network of its own.

    Attributes:
        stages: quantised, one per exit.
        logits: what its exits say of the trial's images, ``(N, E, C)``.
        thresholds: in the score's unit, by the name of the operating point.
        score: by which images leave; the entropy where None.
    """

    stages: Sequence[onnx.ModelProto]
    logits: NDArray[np.float32]
    thresholds: Mapping[str, float]
    score: FittedScore | None = None


@dataclass(frozen=True)
class Trial:
    """Two networks and what they are timed on.

    Attributes:
        teacher, student: in eval mode, on the CPU.
        card: of the student.
        pixels: uint8 ``(N, H, W, channels)``.
        logits: what the student's exits say of them, ``(N, E, C)``.
        macs: of the student, to the end of each exit, ``(E,)``.
        thresholds: in the score's unit, by the name of the operating point.
        device: of the networks that run in PyTorch.
        open_deployment: from a deployment's folder and a number of threads to its ``predict``.
        threads: of ONNX Runtime; PyTorch's are set for the process.
        score: by which images leave; the entropy where None.
        int8: what is timed in 8 bits too, if anything is.
    """

    teacher: MultiExitNetwork
    student: MultiExitNetwork
    card: NetworkCard
    pixels: NDArray[np.uint8]
    logits: NDArray[np.float32]
    macs: NDArray[np.int64]
    thresholds: Mapping[str, float]
    device: torch.device
    open_deployment: Callable[[Path, int], Predict]
    threads: int
    int8: Int8Trial | None = None
    score: FittedScore | None = None


def runtimes_of(device: torch.device) -> tuple[str, ...]:
    """What can be timed on ``device``: a GPU that multiplies bf16 natively is for it."""
    fast = device.type == "cuda" and choose_precision("auto", device) == "bf16"
    return RUNTIMES + BF16_RUNTIMES * fast


def contenders(trial: Trial, runtime: str, folder: Path) -> list[Contender]:
    """All contenders of one runtime; none where ONNX Runtime is asked for beside a GPU.

    Args:
        trial: what is timed.
        runtime: one of ``RUNTIMES`` or ``BF16_RUNTIMES``, or ``INT8_RUNTIME``, which wants
            ``trial.int8`` and, when they are timed, the contenders of ONNX Runtime beside it.
        folder: for what is exported; must not hold an export already.
    """
    if runtime.startswith(("eager", "compiled")):
        return _torch(trial, runtime)
    if trial.device.type == "cuda":  # the wheel that we install has no GPU provider
        return []
    return _onnx(trial, folder) if runtime == "ONNX Runtime" else _int8(trial, folder / "int8")


def working_contenders(
    trial: Trial, runtimes: Sequence[str], folder: Path, say: Callable[[str], None]
) -> list[Contender]:
    """The contenders of all ``runtimes``; compiled ones where compiling works here."""
    found = []
    for runtime in runtimes:
        try:
            mine = contenders(trial, runtime, folder)
            for contender in mine:
                contender.run(0, 1)
        except Exception as error:
            if not runtime.startswith("compiled"):
                raise
            say(f"{runtime} networks are left out: {str(error).splitlines()[0]}")
        else:
            found += mine
    return found


def _contender(
    trial: Trial, runtime: str, name: str, run: Callable[[int, int], object]
) -> Contender:
    """Of the student at the operating point ``name``, or of a whole network."""
    if name in (TEACHER, STUDENT):
        network = trial.teacher if name == TEACHER else trial.student
        macs = whole_macs(network, trial.card.image_shape)
        return Contender(name, runtime, None, np.full(len(trial.pixels), macs), run)
    threshold = trial.thresholds[name]
    score = trial.score or FittedScore("entropy", trial.logits.shape[2])
    macs_n = trial.macs[exit_indices(score.values(trial.logits), threshold)]
    return Contender(name, runtime, threshold, macs_n, run)


def _torch(trial: Trial, runtime: str) -> list[Contender]:
    compiled, device = runtime.startswith("compiled"), trial.device
    precision = "bf16" if runtime in BF16_RUNTIMES else "float32"
    viewed = plain_images(trial.pixels, trial.card.mean, trial.card.std, device)
    everyone = torch.arange(len(trial.pixels), device=device)
    images = viewed.batch(everyone, torch.zeros_like(everyone))
    staged = StagedNetwork(trial.student, device, precision, compiled, trial.score)
    found = []
    for name, network in ((TEACHER, trial.teacher), (STUDENT, trial.student)):
        whole = fold_norms(WholeNetwork(copy.deepcopy(network)).eval())
        whole.to(device).to(memory_format=torch.channels_last)
        call = torch.compile(whole, dynamic=True) if compiled else whole

        def run_whole(start: int, stop: int, call: Call = call) -> object:
            with torch.inference_mode(), autocast(precision, device):
                step = images_at_once(images)
                parts = (images[n : min(n + step, stop)] for n in range(start, stop, step))
                return torch.cat([call(part) for part in parts]).softmax(dim=1).max(dim=1)

        found.append(_contender(trial, runtime, name, run_whole))
    for name, threshold in trial.thresholds.items():

        def run_staged(start: int, stop: int, threshold: float = threshold) -> object:
            return staged.predict(images[start:stop], threshold)

        found.append(_contender(trial, runtime, name, run_staged))
    return found


def _onnx(trial: Trial, folder: Path) -> list[Contender]:
    found = []
    for name, network in ((TEACHER, trial.teacher), (STUDENT, trial.student)):
        whole = WholeNetwork(copy.deepcopy(network)).eval()
        macs = [whole_macs(network, trial.card.image_shape)]
        predict = _shipped(trial, folder / name, whole, macs)

        def run_whole(start: int, stop: int, predict: Predict = predict) -> object:
            return predict(trial.pixels[start:stop], 0.0)

        found.append(_contender(trial, "ONNX Runtime", name, run_whole))
    predict = _shipped(trial, folder / "exits", trial.student, trial.macs.tolist(), trial.score)
    for name, threshold in trial.thresholds.items():

        def run_staged(start: int, stop: int, threshold: float = threshold) -> object:
            return predict(trial.pixels[start:stop], threshold)

        found.append(_contender(trial, "ONNX Runtime", name, run_staged))
    return found


def _int8(trial: Trial, folder: Path) -> list[Contender]:
    """The student in 8 bits; nobody ships a teacher in them, and speed-ups are over float32's."""
    if trial.int8 is None:
        return []
    # Only the clock looks at it: what it answers is nobody's evaluation.
    whole = WholeNetwork(copy.deepcopy(trial.student)).eval()
    images, settings = normalised(trial.pixels, trial.card), Int8Settings(correct_biases=False)
    stages = quantised_stages(stage_models(whole, trial.card.image_shape), images, settings)
    macs = whole_macs(trial.student, trial.card.image_shape)
    predict = _shipped_int8(trial, folder / STUDENT, stages, [macs])
    points: list[tuple[str, float | None, Predict, float, NDArray[np.int64]]] = []
    points.append((STUDENT, None, predict, 0.0, np.full(len(trial.pixels), macs)))
    own = trial.int8
    predict = _shipped_int8(trial, folder / "exits", own.stages, trial.macs.tolist(), own.score)
    score = own.score or FittedScore("entropy", own.logits.shape[2])
    for name, threshold in own.thresholds.items():
        macs_N = trial.macs[exit_indices(score.values(own.logits), threshold)]
        points.append((name, threshold, predict, threshold, macs_N))
    found = []
    for name, shown, predict, threshold, macs_N in points:

        def run(start: int, stop: int, predict: Predict = predict, t: float = threshold) -> object:
            return predict(trial.pixels[start:stop], t)

        found.append(Contender(name, INT8_RUNTIME, shown, macs_N, run, "ONNX Runtime"))
    return found


def _shipped_int8(
    trial: Trial,
    folder: Path,
    stages: Sequence[onnx.ModelProto],
    macs: list[int],
    score: FittedScore | None = None,
) -> Predict:
    changes = {"precision": "int8", "weights_sha256": stages_hash(stages)}
    fields = _manifest(trial, folder.name, macs, score) | changes
    write_int8_deployment(folder, stages, fields, {})
    return trial.open_deployment(folder, trial.threads)


def _shipped(
    trial: Trial,
    folder: Path,
    network: MultiExitNetwork,
    macs: list[int],
    score: FittedScore | None = None,
) -> Predict:
    """``predict`` of ``network`` as it is shipped; nobody validated it, so its curve is empty."""
    write_deployment(folder, network, _manifest(trial, folder.name, macs, score), {})
    return trial.open_deployment(folder, trial.threads)


def _manifest(trial: Trial, name: str, macs: list[int], score: FittedScore | None = None) -> Fields:
    return network_fields(trial.card, macs, score) | {
        "experiment": "latency",
        "network": name,
        "weights_sha256": "0" * 64,
        "teacher_macs": macs[-1],
        "curve": [],
        "certified_theta": None,
        "certificate": None,
    }
