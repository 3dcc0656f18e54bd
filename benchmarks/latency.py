"""Latency beside MACs: teacher, student without exits, student with exits; by runtime and batch.

    python -m benchmarks.latency --threads 1 --batches 1 64 --output results/latency

All contenders of one batch size run in turn, round by round, in one process, so that what else the
machine does meets them alike. Each round of a contender classifies the same images. The first
round warms up and is not counted; on a GPU every call is synchronised.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from benchmarks.latency_contenders import (
    normalised,
    onnx_full,
    onnx_staged,
    random_images,
    random_network,
    student_with_exits,
    torch_full,
    torch_staged,
)
from benchmarks.latency_figure import draw
from erde_core.store.tables import write_table
from erde_torch.device import choose_device, set_threads

TEACHER, STUDENT = "teacher", "student, no exits"
SHARES = (0.75, 0.5, 0.35)
# With one thread both agree on an idle machine; on a shared one the processor's clock stands still
# while somebody else is served.
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def contenders(options, pixels, device, folder):
    images = normalised(pixels, device)
    student, exits, points = student_with_exits(options, pixels, device, SHARES)
    teacher = random_network("resnet34", options).to(device)
    for share, (threshold, _, mix) in points.items():
        print(f"{share:.0%}: theta {threshold:.4f} nats, samples per exit {np.round(mix, 3)}")
    found, full = [], ((TEACHER, teacher), (STUDENT, student))
    for runtime in options.runtimes:
        if runtime == "onnx":
            if device.type != "cpu":
                continue  # the wheel of the tests has no GPU provider
            for name, network in full:
                found.append(
                    onnx_full(name, network, images, options.side, options.threads, folder)
                )
            found += onnx_staged(student, exits, pixels, points, options.threads, folder)
        else:
            compiled = runtime == "compiled"
            for name, network in full:
                found.append(torch_full(name, network, images, options.side, compiled, device))
            found += torch_staged(student, images, points, compiled, device)
    return found


def measure(found, batch, options, device):
    """{index: seconds per call, (rounds, calls)} of all contenders at one batch size."""
    count = max(batch, min(options.images, batch * options.calls))
    starts = range(0, count - batch + 1, batch)
    seconds = {index: [] for index in range(len(found))}
    clock = CLOCKS[options.clock]
    for number in range(options.rounds + 1):
        for index, contender in enumerate(found):
            calls = []
            for start in starts:
                started = clock()
                contender.run(start, start + batch)
                if device.type == "cuda":
                    torch.cuda.synchronize(device)
                calls.append(clock() - started)
            if number:
                seconds[index].append(calls)
    return {index: np.array(calls) for index, calls in seconds.items()}


def rows(found, seconds, batch):
    """One row per contender; speed-ups are per round against the teacher in the same runtime."""
    teachers = {c.runtime: (seconds[i], c.macs) for i, c in enumerate(found) if c.name == TEACHER}
    students = {c.runtime: seconds[i] for i, c in enumerate(found) if c.name == STUDENT}
    for index, contender in enumerate(found):
        calls = seconds[index]
        teacher, teacher_macs = teachers[contender.runtime]
        speed_ups = (teacher.mean(1) / calls.mean(1)).tolist()
        against = (students[contender.runtime].mean(1) / calls.mean(1)).tolist()
        p50, p95, p99 = np.percentile(calls * 1e3, [50, 95, 99])
        ratio = teacher_macs / contender.macs
        yield {
            "batch": batch,
            "runtime": contender.runtime,
            "network": contender.name,
            "macs": contender.macs,
            "calls": calls.size,
            "p50_ms": p50,
            "p95_ms": p95,
            "p99_ms": p99,
            "speed_up": statistics.median(speed_ups),
            "speed_up_lowest": min(speed_ups),
            "speed_up_highest": max(speed_ups),
            "macs_ratio": ratio,
            "speed_up_per_macs_ratio": statistics.median(speed_ups) / ratio,
            "speed_up_over_no_exits": statistics.median(against),
        }


def show(table):
    print(
        "\n| batch | runtime | network | GMACs | p50 ms | p95 | p99 | speed-up (range) "
        "| MACs ratio | share of it | × no exits |\n|" + "---|" * 11
    )
    for r in table:
        speed = f"{r['speed_up']:.2f} ({r['speed_up_lowest']:.2f}–{r['speed_up_highest']:.2f})"
        print(
            f"| {r['batch']} | {r['runtime']} | {r['network']} | {r['macs'] / 1e9:.3f} "
            f"| {r['p50_ms']:.2f} | {r['p95_ms']:.2f} | {r['p99_ms']:.2f} | {speed} "
            f"| {r['macs_ratio']:.2f} | {r['speed_up_per_macs_ratio']:.2f} "
            f"| {r['speed_up_over_no_exits']:.2f} |"
        )


def show_break_even(table):
    """From which batch size on leaving early is faster than the same student without exits."""
    lines = {(r["runtime"], r["network"]) for r in table if "exits," in r["network"]}
    for runtime, network in sorted(lines):
        gains = [
            (r["batch"], r["speed_up_over_no_exits"])
            for r in table
            if (r["runtime"], r["network"]) == (runtime, network)
        ]
        paying = [str(batch) for batch, gain in gains if gain >= 1]
        print(f"{runtime}, {network}: pays at batch {', '.join(paying) or 'none'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=64, help="most calls per round")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16, 64, 256])
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--clock", choices=tuple(CLOCKS), default="wall")
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--head-pool", choices=("avg2", "adaptive2"), default="avg2")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--runtimes", nargs="+", choices=("eager", "compiled", "onnx"), default=["eager", "onnx"]
    )
    parser.add_argument("--output", type=Path, help="write OUTPUT.csv and OUTPUT.png")
    options = parser.parse_args()
    set_threads(options.threads)
    device = choose_device(options.device)
    pixels = random_images(max(options.images, *options.batches, 1), options.side)
    with tempfile.TemporaryDirectory() as folder:
        found = contenders(options, pixels, device, folder)
        table = []
        for batch in options.batches:
            table += rows(found, measure(found, batch, options, device), batch)
    print(
        f"{device}, {options.threads} threads, {options.clock} clock, width {options.width}, "
        f"{options.side}x{options.side}, {options.classes} classes, {options.head_pool}, "
        f"{options.rounds} rounds, PyTorch {torch.__version__}, "
        f"ONNX Runtime {onnxruntime.__version__}"
    )
    show(table)
    show_break_even(table)
    if options.output:
        write_table(options.output.with_suffix(".csv"), table)
        draw(table, options.output.with_suffix(".png"))


if __name__ == "__main__":
    main()
