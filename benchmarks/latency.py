"""Latency beside MACs at full width, with random weights: the table of docs/deploy.md.

    python -m benchmarks.latency --threads 1 --batches 1 64 --output results/latency
    python -m benchmarks.latency --runtimes onnx int8 --batches 1 16
    python -m benchmarks.latency --runtimes onnx --batches 1 --side 160 --teacher resnet18 \\
        --head-pool adaptive2 --student mobilenetv2
    python -m benchmarks.latency --runtimes onnx --batches 1 --head conv

The measuring is that of the rule ``latency``; see erde_torch/latency/measure.py.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.latency_networks import SHARES, head_shares, random_trial
from erde.evaluation.latency import break_even, disturbances
from erde.pictures.drawing import save_figure
from erde.pictures.latency import latency_figure
from erde_core.store.tables import write_table
from erde_torch.device import choose_device, set_threads
from erde_torch.latency.contenders import INT8_RUNTIME, RUNTIMES, working_contenders
from erde_torch.latency.machine import machine_text
from erde_torch.latency.measure import BATCHES, CLOCKS, Plan, latency_rows

NAMES = {name.split()[0].lower(): name for name in RUNTIMES} | {"int8": INT8_RUNTIME}


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


def show_int8(table):
    """The student in 8 bits against the same operating point in float32, of the same rounds."""
    times = {(r["batch"], r["runtime"], r["network"]): r["speed_up"] for r in table}
    for (batch, runtime, network), speed_up in times.items():
        float32 = times.get((batch, "ONNX Runtime", network))
        if runtime == INT8_RUNTIME and float32:
            print(f"batch {batch}, {network}: int8 {speed_up / float32:.2f} times float32")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=64, help="most calls per round")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--batches", type=int, nargs="+", default=list(BATCHES))
    parser.add_argument("--teacher", default="resnet34")
    parser.add_argument("--student", default="resnet10")
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--clock", choices=tuple(CLOCKS), default="wall")
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--head-pool", choices=("avg2", "adaptive2"), default="avg2")
    parser.add_argument(
        "--head", choices=("linear", "conv"), default="linear", help="the student's"
    )
    parser.add_argument("--reduce-range", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--shares", type=float, nargs="+", default=list(SHARES), help="of the student's MACs"
    )
    parser.add_argument(
        "--runtimes", nargs="+", choices=tuple(NAMES), default=["eager", "onnx"], metavar="RUNTIME"
    )
    parser.add_argument("--output", type=Path, help="write OUTPUT.csv and OUTPUT.png")
    return parser.parse_args()


def main():
    options = parse_options()
    set_threads(options.threads)
    device = choose_device(options.device)
    trial = random_trial(options, device)
    plan = Plan(options.rounds, options.calls, clock=options.clock)
    with tempfile.TemporaryDirectory() as folder:
        runtimes = [NAMES[name] for name in options.runtimes]
        found = working_contenders(trial, runtimes, Path(folder), print)
        table = list(latency_rows(found, options.batches, plan, device))
    print(
        f"{machine_text(device, options.threads)}, {options.clock} clock, "
        f"{options.teacher} and {options.student}, width {options.width}, "
        f"{options.side}x{options.side}, {options.classes} classes, {options.head_pool}, "
        f"{options.head} heads, {options.rounds} rounds"
    )
    shares = head_shares(trial.student, (3, options.side, options.side))
    print("heads, of the MACs of their exits:", ", ".join(f"{share:.1%}" for share in shares))
    show(table)
    show_int8(table)
    for sentence in disturbances(table):
        print(f"warning: {sentence}")
    for runtime, point, batches in break_even(table):
        print(f"{runtime}, {point}: saves time at batch {', '.join(map(str, batches)) or 'none'}")
    if options.output:
        write_table(options.output.with_suffix(".csv"), table)
        save_figure(latency_figure(table), options.output.with_suffix(".png"))


if __name__ == "__main__":
    main()
