"""Milliseconds per call of staged inference: for the report's part ``latency``."""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from benchmarks.training import Bench, synchronise
from erde_torch.networks.staged import StagedNetwork

BATCHES = (1, 16, 256)
PRECISIONS = ("float32", "bf16")
_LEAVES = {"first exit": 4.6 * 2, "last exit": 0.0}  # nats; 4.6 are the most of 100 classes
_WARM_UPS = 10
HEAD = ("| precision | batch | leaves | ms | range |", "|---|---:|---|---:|---|")


def lines(asked: argparse.Namespace) -> Iterator[str]:
    """Where all leave at the first exit, and where nobody does before the last."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(asked, Path(folder))
        network = bench.network("resnet10").eval()
    rounds = max(3, asked.rounds)
    text = f"ResNet10, width {asked.width:g}; {rounds} rounds of {asked.calls} calls, each round's "
    told = [text + "mean, of these the median and the range.", "", *HEAD]
    for precision in PRECISIONS:
        staged = StagedNetwork(network, bench.device, precision)
        for batch in BATCHES:
            images = torch.randn(batch, 3, 32, 32, device=bench.device)
            for leaves, threshold in _LEAVES.items():
                call = _call(staged, images, threshold)
                found = milliseconds(call, rounds, asked.calls, bench.device)
                span = f"{min(found):.2f}–{max(found):.2f}"
                middle = f"{statistics.median(found):.2f}"
                told.append(f"| {precision} | {batch} | {leaves} | {middle} | {span} |")
        yield "\n".join(told)


def _call(staged: StagedNetwork, images: torch.Tensor, threshold: float) -> Callable[[], object]:
    return lambda: staged.predict(images, threshold)


def milliseconds(
    call: Callable[[], object], rounds: int, calls: int, device: torch.device
) -> list[float]:
    """Per call, each round's mean; after a few calls in which libraries choose their kernels."""
    found = []
    for _ in range(min(_WARM_UPS, calls)):
        call()
    for _ in range(rounds):
        synchronise(device)
        started = time.perf_counter()
        for _ in range(calls):
            call()
        synchronise(device)
        found.append(1e3 * (time.perf_counter() - started) / calls)
    return found
