"""What the guard costs beside the network that it watches, one image at a time.

    python -m benchmarks.guard.cost [--rounds 6] [--images 300]

ResNet10 with four exits at 32×32 and 100 classes, at full width and at a sixteenth of it, random
weights, as a deployment: the single ONNX graph, ONNX Runtime with one thread. Each image takes
network and guard in turn. All images leave at the first exit, where the guard is dearest beside the
network, and then none does. Every round gives the guard the same images anew, and of each image the
median over the rounds counts: most images wait, and cost nothing but their place in a list. Then
the guard alone, in blocks.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from erde.deployment.program import PROGRAM_FILES
from erde.deployment.runner import Runner
from erde_core.scores.scored_logits import score_logits
from erde_core.store.exit_logits import ExitLogits, SplitLogits
from erde_core.watch import Watch
from erde_torch.export.folder import write_deployment
from erde_torch.export.manifest import deployment_manifest
from erde_torch.networks.build import build_network
from erde_torch.networks.macs import exit_macs
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.weights import NetworkCard, network_hash

SHAPE, CLASSES, VALIDATION = (3, 32, 32), 100, 5000
WIDTHS = (1.0, 0.0625)
Rounds = list[tuple[NDArray[np.float64], NDArray[np.float64]]]


def deployment(folder: Path, width: float) -> Runner:
    """A network that nobody trained, with validation scores as if somebody had."""
    torch.manual_seed(0)
    fields = {"name": "resnet10", "width": width}
    network = build_network(NetworkSettings(name="resnet10", width=width), CLASSES, SHAPE).eval()
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((VALIDATION, 4, CLASSES), dtype=np.float32) * 4
    labels = np.arange(VALIDATION)
    split = SplitLogits(logits, labels % CLASSES, labels)
    macs, own = exit_macs(network, SHAPE), network_hash(network)
    names = tuple(map(str, range(CLASSES)))
    card = NetworkCard(fields, SHAPE, names, (0.5,) * 3, (0.25,) * 3, "0" * 64, "float32")
    scored = score_logits("entropy", ExitLogits(split, split, macs, "0" * 64, own))
    manifest = deployment_manifest(card, scored, None, "benchmark", f"width{width}")
    write_deployment(folder, network, manifest, PROGRAM_FILES)
    return Runner(folder)


def seconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def cost(
    runner: Runner, images: NDArray[np.uint8], scores: list[float], theta: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Seconds of the network and of the guard for each image, ``(N,)``, one image at a time."""
    watch = Watch(runner.manifest)
    network, guard = [], []
    for image, score in zip(images, scores, strict=True):
        network.append(seconds(lambda image=image: runner.scored(image[None], theta)))
        guard.append(seconds(lambda score=score: watch.update([score])))
    return np.array(network), np.array(guard)


def cost_of_blocks(runner: Runner, scores: list[float], size: int) -> float:
    """Seconds of processor time per image of the guard alone, in blocks of so many images."""
    watch, start = Watch(runner.manifest), time.process_time()
    for first in range(0, len(scores), size):
        watch.update(scores[first : first + size])
    assert watch.evidence >= 0  # none waits any longer
    return (time.process_time() - start) / len(scores)


def print_row(width: float, where: str, rounds: Rounds) -> None:
    """The means over the images, of the medians over the rounds; and over every second round."""
    (network, guard), *halves = map(means, (rounds, rounds[::2], rounds[1::2]))
    shares = " and ".join(f"{guard_ / network_:.2%}" for network_, guard_ in halves)
    print(
        f"| {width:g} | {where} | {1e6 * network:.0f} | {1e6 * guard:.1f} | "
        f"{guard / network:.2%} ({shares}) |"
    )


def means(rounds: Rounds) -> list[float]:
    """Seconds of network and guard per image."""
    return [float(np.median(times, axis=0).mean()) for times in zip(*rounds, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--images", type=int, default=300)
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (options.images, *SHAPE[1:], SHAPE[0]), dtype=np.uint8)
    scores = rng.uniform(0, np.log(CLASSES), options.images).tolist()
    print(
        "| width | leaves | network µs | guard µs | guard ÷ network (by each half of the rounds) |"
    )
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for width in WIDTHS:
            runner = deployment(Path(folder) / str(width), width)
            for where, theta in (
                ("at the first exit", runner.manifest["largest_theta"]),
                ("at the last exit", 0.0),
            ):
                rounds = [cost(runner, images, scores, theta) for _ in range(options.rounds)]
                print_row(width, where, rounds)
        many = rng.uniform(0, np.log(CLASSES), 8192).tolist()
        for size in (1, 64, len(many)):
            spent = [cost_of_blocks(runner, many, size) for _ in range(options.rounds)]
            print(f"\nin blocks of {size}: {1e6 * min(spent):.2f} µs per image, alone")


if __name__ == "__main__":
    main()
