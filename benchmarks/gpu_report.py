"""What a GPU does with this code, as one Markdown file to send back.

    python -m benchmarks.gpu_report [--device cuda] [--folder gpu-report]

Needs ``erde_core`` and ``erde_torch`` alone. Every part runs in a process of its own, for at most 8
minutes; what is done stays in the folder, so that a second call goes on with what is missing.
"""

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.gpu import sharing as together
from benchmarks.training import CLASSES, Bench, measure, synchronise
from erde_torch.device import choose_device, set_threads
from erde_torch.networks.staged import StagedNetwork
from erde_torch.parity.report import backends, compare_all, report
from erde_torch.training.captured.recorder import GraphError
from erde_torch.training.optimisation.losses import losses_of_epoch
from erde_torch.training.optimisation.optimiser import make_optimiser
from erde_torch.training.processes import ALONE
from erde_torch.training.settings import TrainSettings
from erde_torch.training.shelf import Position

SECONDS = 8 * 60
BATCHES = (1, 16, 256)


def parity(asked: argparse.Namespace) -> str:
    """Every implementation of the loss against the reference."""
    name = torch.cuda.get_device_name() if asked.device == "cuda" else "CPU"
    rows = compare_all(b for b in backends() if b.device == name and b.name == "erde_torch")
    return report(rows).partition("\n\n")[2]


def throughput(asked: argparse.Namespace) -> str:
    """Images per second: our loop and the plain one, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(asked, Path(folder))
        contenders = {
            "plain teacher": bench.plain("resnet34", False, asked.workers),
            "our teacher": bench.ours("resnet34", bench.precision, None),
            "plain student, teacher online": bench.plain("resnet10", True, asked.workers),
            "our student, teacher online": bench.ours("resnet10", bench.precision, "online"),
            "our student, teacher cached": bench.ours("resnet10", bench.precision, "cached"),
        }
        seconds = measure(contenders, asked.rounds, bench.device)
    images = asked.images // bench.batch * bench.batch
    lines = [f"ResNet34 and ResNet10, batch {bench.batch}, {bench.precision}.", ""]
    return "\n".join([*lines, *rates(seconds, images)])


def rates(seconds: dict[str, list[float]], images: int) -> list[str]:
    """A table of images per second, from the seconds that each contender took for ``images``."""
    lines = list(HEAD)
    for name, taken in seconds.items():
        found = [images / second for second in taken]
        shown = f"{min(found):.1f}–{max(found):.1f}"
        lines.append(f"| {name} | {statistics.median(found):.1f} | {shown} |")
    return lines


HEAD = ("| contender | images/s | range |", "|---|---:|---|")


def guard(asked: argparse.Namespace) -> str:
    """A loss that is no number must leave the weights as they are, and a good one must not."""
    device, lines = choose_device(asked.device), []
    for optimiser in ("sgd", "adamw"):
        layer = torch.nn.Linear(8, 8).to(device)
        train = TrainSettings(epochs=1, optimiser=optimiser, learning_rate=0.01)
        made, position, moved = make_optimiser(layer, train), Position(), []
        losses = losses_of_epoch(device, made, ALONE, position, 2, _refuse)
        for factor in (1.0, float("nan")):
            before = layer.weight.detach().clone()
            loss = layer(torch.ones(2, 8, device=device)).square().mean() * factor
            try:
                losses.take(loss, 0)
                made.zero_grad()
                loss.backward()
                made.step()
            except _RefusedError:  # on a CPU, before the step
                pass
            moved.append(not torch.equal(before, layer.weight.detach()))
        verdict = "ok" if moved == [True, False] else f"WRONG: moved {moved}"
        lines.append(f"* {optimiser}, a good step and a bad one: {verdict}")
    return "\n".join(lines)


class _RefusedError(Exception):
    """Where the loop would draw the batch once more to describe it."""


def _refuse(step: int) -> None:
    raise _RefusedError


def graph(asked: argparse.Namespace) -> str:
    """Images per second by the captured step beside the uncaptured one, where both agree."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(asked, Path(folder))
        if bench.device.type != "cuda":
            return "Measured on GPUs alone."
        found = [both_ways(bench, asked.rounds, *contender) for contender in GRAPHED]
    steps = asked.images // bench.batch
    seconds = {name: taken for _, part in found for name, taken in part.items()}
    lines = [f"* {sentence}" for sentence, _ in found]
    if not seconds:
        return "\n".join(lines)
    lines += ["", f"Batch {bench.batch}, {bench.precision}; a captured epoch takes the last of its"]
    lines[-1] += f" {steps} steps twice, to compare."
    return "\n".join([*lines, "", *rates(seconds, steps * bench.batch)])


GRAPHED = (("our teacher", "resnet34", None), ("our student, teacher cached", "resnet10", "cached"))


def both_ways(
    bench: Bench, rounds: int, shown: str, name: str, teacher: str | None
) -> tuple[str, dict[str, list[float]]]:
    """What the self-check says, and the seconds of both; of neither where it failed."""
    said: list[str] = []
    plain = bench.ours(name, bench.precision, teacher)
    captured = bench.ours(name, bench.precision, teacher, graph=True, say=said.append)
    try:
        captured()
        seconds = measure({shown: plain, f"{shown}, captured": captured}, rounds, bench.device)
    except GraphError as error:
        said.append(str(error))
    if not said:
        return f"{shown}: NOT CHECKED, for an epoch has too few steps: give more --images", {}
    if not said[-1].endswith(": in use"):
        return f"{shown}: SELF-CHECK FAILED: {said[-1]}", {}
    return f"{shown}: {said[0]}", seconds


def latency(asked: argparse.Namespace) -> str:
    """Milliseconds per call of the staged student: where all leave first, and where nobody does."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(asked, Path(folder))
        networks = {
            p: StagedNetwork(bench.network("resnet10"), bench.device, p) for p in PRECISIONS
        }
    lines = ["| precision | batch | leaves | ms (median) |", "|---|---:|---|---:|"]
    for precision, staged in networks.items():
        for batch in BATCHES:
            images = torch.randn(batch, 3, 32, 32, device=bench.device)
            for leaves, threshold in (("first exit", 4.6 * 2), ("last exit", 0.0)):
                call = {"": lambda s=staged, i=images, t=threshold: s.predict(i, t)}
                seconds = measure(call, max(3, asked.rounds), bench.device)[""]
                shown = 1e3 * statistics.median(seconds)
                lines.append(f"| {precision} | {batch} | {leaves} | {shown:.2f} |")
    return "\n".join(lines)


PRECISIONS = ("float32", "bf16")


def memory(asked: argparse.Namespace) -> str:
    """The peak of one epoch of teacher and student."""
    lines = []
    for name in ("resnet34", "resnet10"):
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(asked, Path(folder))
            run = bench.ours(name, bench.precision, None)
            if bench.device.type != "cuda":
                return "Measured on GPUs alone."
            torch.cuda.reset_peak_memory_stats()
            run()
            synchronise(bench.device)
        peak = torch.cuda.max_memory_allocated() / 1e9
        lines.append(f"* {name}, batch {bench.batch}, {bench.precision}: {peak:.2f} GB")
    return "\n".join(lines)


def sharing(asked: argparse.Namespace) -> str:
    """Images per second of several students that share the GPU."""
    lines = together.table(together.rates(asked))
    return "\n".join([f"ResNet10, batch {asked.batch}, teacher cached.", "", *lines])


PARTS: dict[str, Callable[[argparse.Namespace], str]] = {
    "parity": parity,
    "guard": guard,
    "throughput": throughput,
    "graph": graph,
    "latency": latency,
    "memory": memory,
    "sharing": sharing,
}


def write_report(folder: Path, device: str) -> Path:
    """``report.md`` of the parts that are there; of the others, how to make them."""
    name = torch.cuda.get_device_name() if device == "cuda" else platform.processor()
    made = f"{name or 'CPU'}, PyTorch {torch.__version__}, {platform.platform()}"
    lines = ["# GPU report", "", f"{made}; {time.strftime('%Y-%m-%d')}; {CLASSES} classes."]
    for part in PARTS:
        path = folder / f"{part}.md"
        there = path.read_text(encoding="utf-8") if path.is_file() else "Missing: call it again."
        lines += ["", f"## {part}", "", there.rstrip()]
    target = folder / "report.md"
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target


def run_part(part: str, asked: argparse.Namespace) -> None:
    """Measure, and leave the result in the folder whole or not at all."""
    set_threads(asked.threads)
    text, path = PARTS[part](asked), asked.folder / f"{part}.md"
    path.with_suffix(".part").write_text(text + "\n", encoding="utf-8")
    path.with_suffix(".part").replace(path)


def parsed(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--folder", type=Path, default=Path("gpu-report"))
    parser.add_argument("--part", choices=tuple(PARTS))
    for name, number in {"rounds": 5, "images": 4096, "batch": 128, "threads": 8}.items():
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 4, 8], help="of `sharing`")
    parser.add_argument("--seconds", type=float, default=3.0, help="of a round of `sharing`")
    parser.add_argument("--precision", default="auto", choices=("auto", "float32", "bf16"))
    return parser.parse_args(words)


def main() -> None:
    asked, words = parsed(), sys.argv[1:]
    choose_device(asked.device)
    asked.folder.mkdir(parents=True, exist_ok=True)
    if asked.part:
        run_part(asked.part, asked)
        return
    for part in PARTS:
        if (asked.folder / f"{part}.md").is_file():
            print(f"{part}: already there")
            continue
        command = [sys.executable, "-m", "benchmarks.gpu_report", *words, "--part", part]
        try:
            done = subprocess.run(command, timeout=SECONDS).returncode == 0
        except subprocess.TimeoutExpired:
            done = False
        print(f"{part}: {'done' if done else 'failed, or longer than 8 minutes'}", flush=True)
    print(write_report(asked.folder, asked.device))


if __name__ == "__main__":
    main()
