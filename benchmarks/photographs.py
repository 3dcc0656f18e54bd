"""Reading photographs for training: ours beside torchvision's, images per second of one core.

    python -m benchmarks.photographs [--images 2000] [--rounds 3] [--folder FOLDER]

Both give the same kind of batch: a random part of each image, scaled, mirrored, recoloured and
normalised. torchvision (``ImageFolder``, ``RandomResizedCrop``, ``DataLoader``) decodes each file
in each epoch. Ours decodes once, into a file, and cuts each epoch's parts out of that. Both work in
one thread; time is that of the processor, so that what else runs on a machine counts less.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from erde.datasets.folder_settings import FolderSettings
from erde.datasets.photographs.stored import into_file
from erde_core.crops import CropSettings
from erde_core.store.dataset import read_dataset
from erde_torch.training.data import training_set, viewed_train_images
from erde_torch.training.settings import AugmentSettings
from tests.photographs.made import many_sizes

SCALE, COLOUR = (0.35, 1.0), 0.2
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CPU = torch.device("cpu")


def stored(folder: Path, file: Path, side: int) -> None:
    """The data job: what is paid once, before the first epoch."""
    settings = FolderSettings(
        name="folder", path=str(folder), image_size=side, resize="crop", validation=0.01
    )
    into_file(settings, True, file, file.parent / "unfinished", "benchmark", lambda line: None)


def ours(file: Path, batch: int) -> Callable[[int], int]:
    """An epoch of the product's reader; images that it gave."""
    dataset, look = (
        read_dataset(file),
        AugmentSettings(crops=CropSettings(scale=SCALE), flip=True, colour=COLOUR),
    )
    images = viewed_train_images(dataset, look, None, CPU)
    data = training_set(dataset, images, 1000, batch, CPU)

    def epoch(number: int) -> int:
        return sum(len(found.images) for found in data.epoch(0, number, 0))

    return epoch


def torchvisions(folder: Path, side: int, batch: int) -> Callable[[int], int]:
    """The same of torchvision."""
    transform = transforms.Compose(
        [
            transforms.RandomResizedCrop(side, scale=SCALE),
            transforms.RandomHorizontalFlip(),
            transforms.ColorJitter(COLOUR, COLOUR, COLOUR),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    images = ImageFolder(str(folder / "train"), transform)
    batches = DataLoader(images, batch, shuffle=True, drop_last=True)
    return lambda number: sum(len(found) for found, _ in batches)


def rate(run: Callable[[], int]) -> float:
    """Images per second of processor time."""
    started = time.process_time()
    return run() / (time.process_time() - started)


def report(rates: dict[str, list[float]], first: float) -> None:
    """The table, and what the epochs after the first and all of them take."""
    print("| reader | images/s of a core (range) |\n|---|---|")
    for name, found in rates.items():
        print(f"| {name} | {statistics.median(found):.0f} ({min(found):.0f}–{max(found):.0f}) |")
    print(f"| ours, decoding once | {first:.0f} |\n")
    own, other = rates["ours"], rates["torchvision"]
    ratios = [a / b for a, b in zip(own, other, strict=True)]
    print(f"ours / torchvision, from the second epoch on: {statistics.median(ratios):.2f}", end=" ")
    print(f"({min(ratios):.2f}–{max(ratios):.2f})")
    mine, theirs = 1 / statistics.median(own), 1 / statistics.median(other)
    print(f"decoding once is paid back after {1 / first / (theirs - mine):.1f} epochs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="of class folders; else some are made")
    parser.add_argument("--images", type=int, default=2000, help="to make")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--side", type=int, default=160)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        folder = options.folder or many_sizes(Path(place) / "made", options.images)
        file = Path(place) / "data.h5"
        count = len(list(folder.glob("*/*/*")))
        first = rate(lambda: (stored(folder, file, options.side), count)[1])
        readers = {
            "ours": ours(file, options.batch),
            "torchvision": torchvisions(folder, options.side, options.batch),
        }
        rates: dict[str, list[float]] = {name: [] for name in readers}
        for number in range(options.rounds + 1):  # the first warms up: compiling, files in memory
            for name, epoch in readers.items():
                found = rate(lambda: epoch(number))  # noqa: B023 -- called at once
                if number:
                    rates[name].append(found)
    print(f"{count} photographs → {options.side}×{options.side}, batch {options.batch}, one thread")
    print(f"NumPy {np.__version__}, PyTorch {torch.__version__}, {options.rounds} rounds\n")
    report(rates, first)


if __name__ == "__main__":
    main()
