"""What a GPU does with this code, as one Markdown file to send back.

    python -m benchmarks.gpu_report [--device cuda] [--folder gpu-report]

Needs ``erde_core`` and ``erde_torch`` alone. Every part runs in a process of its own, for at most 8
minutes; what is done stays in the folder. A second call goes on with what is missing, and with what
was measured on another machine, by other code or with other settings.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import TimeoutExpired

import torch

from benchmarks import plain_training
from benchmarks.gpu import captured, inference, memory, sharing
from benchmarks.gpu.rates import rates
from benchmarks.gpu.stamp import is_made, read_part, shown, stamp, write_part
from benchmarks.training import CLASSES, Bench, measure
from erde_torch.device import choose_device, set_threads
from erde_torch.parity.report import backends, compare_all, report
from erde_torch.training.optimisation.losses import losses_of_epoch
from erde_torch.training.optimisation.optimiser import make_optimiser
from erde_torch.training.processes import ALONE
from erde_torch.training.settings import TrainSettings
from erde_torch.training.shelf import Position

SECONDS = 8 * 60


def parity(asked: argparse.Namespace) -> Iterator[str]:
    """Every implementation of the loss against the reference."""
    name = torch.cuda.get_device_name() if asked.device == "cuda" else "CPU"
    rows = compare_all(b for b in backends() if b.device == name and b.name == "erde_torch")
    yield report(rows).partition("\n\n")[2]


def throughput(asked: argparse.Namespace) -> Iterator[str]:
    """Images per second: our loop and the plain one, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(asked, Path(folder))
        ours, plain = bench.precision, plain_training.precision_on(bench.device)
        contenders = {
            f"plain teacher, {plain}": bench.plain("resnet34", False, asked.workers),
            f"our teacher, {ours}": bench.ours("resnet34", ours, None),
            f"plain student, teacher online, {plain}": bench.plain("resnet10", True, asked.workers),
            f"our student, teacher online, {ours}": bench.ours("resnet10", ours, "online"),
            f"our student, teacher cached, {ours}": bench.ours("resnet10", ours, "cached"),
        }
        seconds = measure(contenders, asked.rounds, bench.device)
    images = asked.images // bench.batch * bench.batch
    text = f"ResNet34 and ResNet10, width {asked.width:g}, batch {bench.batch}, uncaptured;"
    text += f" epochs of {images // bench.batch} steps."
    yield "\n".join([text, "", *rates(seconds, images)])


def guard(asked: argparse.Namespace) -> Iterator[str]:
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
    yield "\n".join(lines)


class _RefusedError(Exception):
    """Where the loop would draw the batch once more to describe it."""


def _refuse(step: int) -> None:
    raise _RefusedError


# What each part tells, again and again until it knows all.
PARTS: dict[str, Callable[[argparse.Namespace], Iterator[str]]] = {
    "parity": parity,
    "guard": guard,
    "throughput": throughput,
    "graph": captured.lines,
    "latency": inference.lines,
    "memory": memory.lines,
    "sharing": sharing.lines,
}


def write_report(folder: Path) -> Path:
    """``report.md`` of the parts that are there; of the others, how to make them."""
    text = ["# GPU report", "", f"{CLASSES} classes, images of 32×32. Each part says what on."]
    for part in PARTS:
        made, found = read_part(folder / f"{part}.md")
        there = [shown(made), "", found.rstrip()] if found else ["Missing: call it again."]
        text += ["", f"## {part}", "", *there]
    target = folder / "report.md"
    target.write_text("\n".join(text) + "\n", encoding="utf-8")
    return target


def run_part(part: str, asked: argparse.Namespace) -> None:
    """Measure, and leave in the folder whatever is known, under what it was measured with."""
    set_threads(asked.threads)
    path = asked.folder / f"{part}.md"
    made = stamp(asked) | {"date": time.strftime("%Y-%m-%d"), "finished": False}
    text = ""
    for text in PARTS[part](asked):
        write_part(path, made, text)
    write_part(path, made | {"finished": True}, text)


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
    parser.add_argument("--seconds", type=float, default=3.0, help="of a window of `sharing`")
    parser.add_argument("--calls", type=int, default=50, help="of a round of `latency`")
    parser.add_argument("--limit", type=float, default=SECONDS, help="seconds of a part")
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
        if is_made(asked.folder / f"{part}.md", stamp(asked)):
            print(f"{part}: already there")
            continue
        command = [sys.executable, "-m", "benchmarks.gpu_report", *words, "--part", part]
        try:
            done = subprocess.run(command, timeout=asked.limit).returncode == 0
        except TimeoutExpired:
            done = False
        said = "done" if done else f"failed, or longer than {asked.limit / 60:g} minutes"
        print(f"{part}: {said}", flush=True)
    print(write_report(asked.folder))


if __name__ == "__main__":
    main()
