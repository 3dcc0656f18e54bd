"""Images until the guard's alarm after a change, and what the guard costs, of one deployment.

    python -m benchmarks.guard.shifts results/digits/deploy/erde-seed0 results/digits/data.h5 \\
        --other FOLDER_OF_OTHER_IMAGES

Each stream is the test split in another order, changed from its first image on.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.guard.cost import cost
from erde.datasets.image_file import read_image
from erde.deployment.image_list import image_files
from erde.deployment.runner import BATCH, Runner
from erde_core.store.dataset import read_dataset
from erde_core.watch import Watch

Images = NDArray[np.uint8]
ORDERS = 100


def noise(images: Images, deviation: float) -> Images:
    """Normal noise of this standard deviation."""
    added = np.random.default_rng(0).normal(0, deviation, images.shape)
    return np.clip(images + added, 0, 255).astype(np.uint8)


def blur(images: Images, side: int) -> Images:
    """The mean over a square of pixels."""
    edge = (side // 2, side // 2)
    padded = np.pad(images.astype(float), ((0, 0), edge, edge, (0, 0)), mode="edge")
    height, width = images.shape[1:3]
    parts = [padded[:, y : y + height, x : x + width] for y in range(side) for x in range(side)]
    return np.rint(sum(parts) / side**2).astype(np.uint8)


def brightness(images: Images, added: int) -> Images:
    """Brighter by so much of 255."""
    return np.clip(images.astype(int) + added, 0, 255).astype(np.uint8)


CHANGES: dict[str, Callable[[Images], Images]] = {
    "none": lambda images: images,
    "noise, deviation 30": lambda images: noise(images, 30),
    "noise, deviation 60": lambda images: noise(images, 60),
    "blur, 3×3": lambda images: blur(images, 3),
    "blur, 5×5": lambda images: blur(images, 5),
    "60 brighter": lambda images: brightness(images, 60),
    "120 brighter": lambda images: brightness(images, 120),
}


def scores_of(runner: Runner, images: Images, theta: float) -> NDArray[np.float64]:
    """The first exit's score of each image, ``(N,)``."""
    starts = range(0, len(images), BATCH)
    return np.concatenate([runner.scored(images[n : n + BATCH], theta)[2] for n in starts])


def first_alarms(runner: Runner, scores: NDArray[np.float64]) -> list[float]:
    """Of each order of a stream the number of the image at which it is seen; infinite if never."""
    found = []
    for seed in range(ORDERS):
        watch = Watch(runner.manifest, seed)
        watch.update(np.random.default_rng(seed).permutation(scores).tolist())
        found.append(float("inf") if watch.alarm is None else watch.alarm)
    return found


def other_images(runner: Runner, folder: Path, count: int) -> Images:
    """So many images of another data set, drawn with a fixed seed and scaled."""
    height, width, channels = runner.manifest["shape"]
    files = image_files(folder).files
    drawn = np.random.default_rng(0).permutation(len(files))[:count]
    return np.stack([read_image(files[n], (height, width), channels, True) for n in drawn])


def main() -> None:
    """Print a row per change."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("deployment", type=Path)
    parser.add_argument("data", type=Path, help="data.h5 of its experiment")
    parser.add_argument("--other", type=Path, help="a folder of other images")
    options = parser.parse_args()
    runner, test = Runner(options.deployment), read_dataset(options.data).test
    theta = runner.manifest["largest_theta"] / 4  # the first exit's score does not depend on it
    streams = {name: (change(test.images), test.labels) for name, change in CHANGES.items()}
    for classes in (len(runner.manifest["class_names"]) // 2, 2):
        chosen = test.labels < classes
        streams[f"only the first {classes} classes"] = test.images[chosen], test.labels[chosen]
    if options.other:
        found = other_images(runner, options.other, len(test.images))
        streams["another data set"] = found, np.full(len(found), -1)
    print(f"{len(runner.manifest['watch']['validation_scores'])} validation images")
    print("| change | right at θ | streams with alarm | images until alarm (10 … 90 %) |")
    print("|---|---|---|---|")
    for name, (images, labels) in streams.items():
        alarms = first_alarms(runner, scores_of(runner, images, theta))
        right = np.mean(runner.predict(images, theta)[0] == labels)
        low, middle, high = np.quantile(alarms, [0.1, 0.5, 0.9], method="inverted_cdf")
        share = np.isfinite(alarms).mean()
        print(f"| {name} | {right:.1%} | {share:.0%} | {middle:g} ({low:g} … {high:g}) |")
    scores = scores_of(runner, test.images, theta).tolist()
    network, guard = (1e6 * times.mean() for times in cost(runner, test.images, scores, theta))
    print(f"network {network:.0f} µs, guard {guard:.1f} µs: {guard / network:.1%}")


if __name__ == "__main__":
    main()
