"""Training and cache on this machine, as ratios within one run; prints the tables of the docs.

    python -m benchmarks.training [--rounds 5] [--images 256] [--width 1] [--device cpu]

All contenders take turns, round by round; a figure is the median over rounds, with the range.
"""

import argparse
import dataclasses
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks import plain_training
from erde_core.images import ImageDataset, Split
from erde_core.settings import method_settings
from erde_core.store.dataset import dataset_hash
from erde_core.store.teacher_logits import read_teacher_logits
from erde_core.views import all_views
from erde_torch.device import choose_device, choose_precision, on_device, set_threads
from erde_torch.loss import distillation_loss
from erde_torch.memory_order import in_order, order_of_training
from erde_torch.networks.settings import NetworkSettings
from erde_torch.teacher_cache.fill import build_cache
from erde_torch.training.batches import Batch
from erde_torch.training.checkpoint import Checkpoint, Position, TrainingState
from erde_torch.training.data import network_card, training_set, viewed_train_images
from erde_torch.training.host import Host
from erde_torch.training.interrupt import StopRequest
from erde_torch.training.loop import Run, make_steps, train_epoch
from erde_torch.training.optimisation.optimiser import make_optimiser
from erde_torch.training.settings import AugmentSettings, TrainSettings
from erde_torch.training.teacher_answers import CachedTeacher, OnlineTeacher

CLASSES = 100
VIEWS = 162  # pad 4 and flip
FILLED = 4  # views in one call: a cache is more than its first view


def random_dataset(images: int) -> ImageDataset:
    """Noise of CIFAR's shape: speed does not depend on what is in the picture."""
    random = np.random.default_rng(0)

    def split(count: int) -> Split:
        pixels = random.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
        return Split(pixels, random.integers(0, CLASSES, count), np.arange(count))

    names = tuple(f"class {index}" for index in range(CLASSES))
    mean, std = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
    return ImageDataset(split(images), split(10), split(10), names, mean, std, "noise")


class Bench:
    """The networks, the data and the cache that all contenders share."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.device = choose_device(arguments.device)
        # NVIDIA's libraries read it when they start, and then the rival too would have no TF32.
        os.environ.pop("NVIDIA_TF32_OVERRIDE", None)
        self.precision = choose_precision(arguments.precision, self.device)
        self.dataset = random_dataset(arguments.images)
        self.hash = dataset_hash(self.dataset)
        self.augment = AugmentSettings(pad=4, flip=True)
        self.batch = min(arguments.batch, arguments.images)
        self.folder, self.width = folder, arguments.width
        self.views = all_views(4, True)[:2]
        teacher = self.network("resnet34").eval()
        self.host = Host(
            device=self.device,
            folder=folder,
            code="",
            checkpoint_seconds=1e9,
            say=lambda text: None,
            say_progress=lambda text, left: None,
            check_held=lambda: None,
        )
        self.cache_path = folder / "cache.h5"
        arguments = (self.hash, [teacher], self.augment, 2, self.precision, self.host)
        build_cache(self.cache_path, self.dataset, *arguments)
        self.cached = CachedTeacher(read_teacher_logits(self.cache_path), self.device)
        self.online = OnlineTeacher(teacher, self.precision, self.device)

    def network(self, name: str) -> torch.nn.Module:
        torch.manual_seed(0)
        network = NetworkSettings(name=name, width=self.width)
        card = network_card(self.dataset, self.hash, network, self.precision)
        network = card.build()
        return on_device(network, self.device, self.order(network))

    def order(self, network: torch.nn.Module) -> torch.memory_format:
        """As the product's training has it."""
        _, height, width, _ = self.dataset.train.images.shape
        return order_of_training(network, (height, width), self.device)

    def ours(
        self,
        name: str,
        precision: str,
        teacher: str | None,
        graph: bool = False,
        say: Callable[[str], None] = lambda text: None,
    ) -> Callable[[], None]:
        """One epoch of the product's loop; with ``graph`` by a captured step, of which it tells."""
        train = TrainSettings(epochs=1, batch_size=self.batch, graph=graph)
        network, device = self.network(name), self.device
        state = TrainingState(network, make_optimiser(network, train), 0.0)
        images = viewed_train_images(self.dataset, self.augment, self.views, device)
        rows = self.cached if teacher == "cached" else None
        data = training_set(self.dataset, images, 2, self.batch, device, rows=rows)
        settings = method_settings("kd" if teacher else "ce")

        def objective(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
            answers = self.online(batch.images) if teacher == "online" else batch.teacher
            return distillation_loss(logits, answers, batch.labels, settings)

        run = Run(train, 0, precision, "", dataclasses.replace(self.host, say=say))
        forward = in_order(network, self.order(network))
        steps = make_steps(forward, state, objective, run, device)
        checkpoint = Checkpoint(self.host, "")
        return lambda: train_epoch(steps, state, data, run, Position(), checkpoint, StopRequest())

    def plain(self, name: str, distilled: bool, workers: int) -> Callable[[], None]:
        """One epoch of the rival's loop."""
        train, dataset = self.dataset.train, self.dataset
        batches = plain_training.loader(
            train.images, train.labels, dataset.mean, dataset.std, self.batch, workers
        )
        network = self.network(name).to(memory_format=torch.contiguous_format)
        teacher = self.network("resnet34").to(memory_format=torch.contiguous_format).eval()
        teacher = teacher if distilled else None
        return lambda: plain_training.train_epoch(network, teacher, batches, self.device)

    def read_epoch(self) -> Callable[[], None]:
        """All teacher rows of a shuffled epoch, without training."""
        images = viewed_train_images(self.dataset, self.augment, self.views, self.device)
        data = training_set(self.dataset, images, 2, self.batch, self.device)
        order = np.random.default_rng(0).permutation(len(self.dataset.train))
        drawn = np.random.default_rng(1).integers(0, 2, len(order))

        def read() -> None:
            for step in range(data.steps):
                chosen = order[step * self.batch : (step + 1) * self.batch]
                self.cached(chosen, drawn[chosen])

        return read

    def fill_cache(self) -> tuple[Callable[[], None], list[float]]:
        """A cache of ``FILLED`` views; and, call by call, the seconds in the teacher's forward."""
        teacher = self.network("resnet34").eval()
        forward, inside = teacher.forward, []

        def timed(images: torch.Tensor) -> torch.Tensor:
            synchronise(self.device)
            started = time.perf_counter()
            logits = forward(images)
            synchronise(self.device)
            inside[-1] += time.perf_counter() - started
            return logits

        def fill() -> None:
            path = self.folder / "again.h5"
            path.unlink(missing_ok=True)
            inside.append(0.0)
            arguments = (self.augment, FILLED, self.precision, self.host)
            build_cache(path, self.dataset, self.hash, [teacher], *arguments)

        teacher.forward = timed
        return fill, inside


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure(contenders: dict[str, Callable[[], None]], rounds: int, device) -> dict[str, list]:
    """Seconds of each contender, round by round, after one round to warm up."""
    seconds = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            started = time.perf_counter()
            run()
            synchronise(device)
            if number:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def row(name: str, top: list[float], bottom: list[float]) -> str:
    ratios = [a / b for a, b in zip(top, bottom, strict=True)]
    return f"{name}: {statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="auto")
    arguments = parser.parse_args()
    set_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments, Path(folder))
        fast, workers = bench.precision, arguments.workers
        fill, inside = bench.fill_cache()
        contenders = {
            "plain teacher": bench.plain("resnet34", False, workers),
            "our teacher": bench.ours("resnet34", fast, None),
            "our teacher, float32": bench.ours("resnet34", "float32", None),
            "plain student, teacher online": bench.plain("resnet10", True, workers),
            "our student, teacher online": bench.ours("resnet10", fast, "online"),
            "our student, teacher cached": bench.ours("resnet10", fast, "cached"),
            "plain student, labels only": bench.plain("resnet10", False, workers),
            "our student, labels only": bench.ours("resnet10", fast, None),
            "reading a shuffled epoch of the cache": bench.read_epoch(),
            "filling the cache": fill,
        }
        seconds = measure(contenders, arguments.rounds, bench.device)
    report(seconds, inside[1:], arguments, bench)


def report(
    seconds: dict[str, list], inside: list[float], arguments: argparse.Namespace, bench: Bench
) -> None:
    print(f"{bench.device}, {bench.precision}, {arguments.threads} threads, PyTorch", end=" ")
    print(f"{torch.__version__}, width {arguments.width}, batch {bench.batch}", end=", ")
    print(f"{arguments.images} images 32×32, {arguments.rounds} rounds; median (range)")
    print(f"ours in {bench.precision} unless it says float32, plain in", end=" ")
    print(f"{plain_training.precision_on(bench.device)}\n")
    print("| contender | images/s | |\n|---|---|---|")
    for name, values in seconds.items():
        images = arguments.images * (FILLED if name == "filling the cache" else 1)
        rates = sorted(images / value for value in values)
        print(f"| {name} | {statistics.median(rates):.1f} | {rates[0]:.1f}–{rates[-1]:.1f} |")
    s = seconds
    print()
    print(row("teacher, plain / ours", s["plain teacher"], s["our teacher"]))
    print(row("teacher, plain / ours in float32", s["plain teacher"], s["our teacher, float32"]))
    plain, cached = s["plain student, teacher online"], s["our student, teacher cached"]
    print(row("student, plain with teacher online / ours with cache", plain, cached))
    alone = row("x", s["plain student, labels only"], s["our student, labels only"])[3:]
    print(f"student without a teacher, plain / ours: {alone}")
    online = s["our student, teacher online"]
    print(row("step with teacher online / with cache", online, cached))
    print(row("reading / student epoch", s["reading a shuffled epoch of the cache"], cached))
    fill = s["filling the cache"]
    print(row("in the teacher's forward pass / filling the cache", inside, fill))
    saved = statistics.median(online) - statistics.median(cached)
    epochs = VIEWS / FILLED * statistics.median(fill) / saved
    print(f"break-even: {VIEWS} views cost what the cache saves in {epochs:.0f} student epochs")


if __name__ == "__main__":
    main()
