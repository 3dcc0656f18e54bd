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
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from erde_core.policy import exit_indices
from erde_core.scores.fitted import FittedScore
from erde_torch.export.agreement import Predict
from erde_torch.export.folder import write_deployment
from erde_torch.export.manifest import network_fields
from erde_torch.latency.measure import Contender
from erde_torch.latency.names import STUDENT, TEACHER
from erde_torch.networks.folding import fold_norms
from erde_torch.networks.multi_exit import MultiExitNetwork
from erde_torch.networks.staged import StagedNetwork, images_at_once
from erde_torch.networks.viewed_images import plain_images
from erde_torch.networks.weights import NetworkCard

Call = Callable[[torch.Tensor], torch.Tensor]
RUNTIMES = ("eager", "compiled", "ONNX Runtime")


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
    score: FittedScore | None = None


class WholeNetwork(MultiExitNetwork):
    """A multi-exit network to its end, early heads left out: one stage, one head."""

    def __init__(self, network: MultiExitNetwork) -> None:
        super().__init__(network.stem, [(nn.Sequential(*network.stages), network.heads[-1])])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits ``(N, C)``."""
        logits: torch.Tensor = self.heads[0](self.stages[0](self.stem(images)))
        return logits


def contenders(trial: Trial, runtime: str, folder: Path) -> list[Contender]:
    """All contenders of one runtime; none where ONNX Runtime is asked for beside a GPU.

    Args:
        trial: what is timed.
        runtime: one of ``RUNTIMES``.
        folder: for what is exported; must not hold an export already.
    """
    if runtime != "ONNX Runtime":
        return _torch(trial, runtime)
    # The wheel that we install has no GPU provider.
    return [] if trial.device.type == "cuda" else _onnx(trial, folder)


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
            if runtime != "compiled":
                raise
            say(f"compiled networks are left out: {str(error).splitlines()[0]}")
        else:
            found += mine
    return found


def whole_macs(network: MultiExitNetwork, image_shape: tuple[int, int, int]) -> int:
    """MACs of one image through ``network`` without its early heads."""
    device = next(network.parameters()).device
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        WholeNetwork(network).eval()(torch.zeros(1, *image_shape, device=device))
    return int(counter.get_total_flops()) // 2


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
    compiled, device = runtime == "compiled", trial.device
    viewed = plain_images(trial.pixels, trial.card.mean, trial.card.std, device)
    everyone = torch.arange(len(trial.pixels), device=device)
    images = viewed.batch(everyone, torch.zeros_like(everyone))
    staged = StagedNetwork(trial.student, device, compiled=compiled, score=trial.score)
    found = []
    for name, network in ((TEACHER, trial.teacher), (STUDENT, trial.student)):
        whole = fold_norms(WholeNetwork(copy.deepcopy(network)).eval())
        whole.to(device).to(memory_format=torch.channels_last)
        call = torch.compile(whole, dynamic=True) if compiled else whole

        def run_whole(start: int, stop: int, call: Call = call) -> object:
            with torch.inference_mode():
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


def _shipped(
    trial: Trial,
    folder: Path,
    network: MultiExitNetwork,
    macs: list[int],
    score: FittedScore | None = None,
) -> Predict:
    """``predict`` of ``network`` as it is shipped; nobody validated it, so its curve is empty."""
    manifest = network_fields(trial.card, macs, score) | {
        "experiment": "latency",
        "network": folder.name,
        "weights_sha256": "0" * 64,
        "teacher_macs": macs[-1],
        "curve": [],
        "certified_theta": None,
        "certificate": None,
    }
    write_deployment(folder, network, manifest, {})
    return trial.open_deployment(folder, trial.threads)
