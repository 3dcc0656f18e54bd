"""What a training takes of a GPU: for the report's part ``memory``."""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks.gpu.apart import ApartError, apart
from benchmarks.gpu.captured import refusal
from benchmarks.training import Bench, synchronise

NAMES = ("resnet34", "resnet10")
_NOTE = (
    "GB. *There before* are the networks and images of the benchmark, among them the ResNet34 that "
    "a student would ask online; the other columns include it. No teacher is asked. CUDA's own "
    "context, and a cache of the size of a real one, are left out."
)
HEAD = (
    "| network | step | there before | peak in use | peak reserved |",
    "|---|---|---:|---:|---:|",
)


def lines(asked: argparse.Namespace) -> Iterator[str]:
    """The peak of one epoch, each in a process of its own."""
    if asked.device != "cuda":
        yield "Measured on GPUs alone."
        return
    told = [f"Width {asked.width:g}, batch {min(asked.batch, asked.images)}.", _NOTE, "", *HEAD]
    for name in NAMES:
        for graph in (False, True):
            step = "captured" if graph else "uncaptured"
            try:
                found = apart(asked.threads, peak, asked, name, graph)
            except ApartError as error:
                found = f"FAILED: {error} | | |"
            told.append(f"| {name} | {step} | {found}")
            yield "\n".join(told)


def peak(asked: argparse.Namespace, name: str, graph: bool) -> str:
    """The end of a row."""
    with tempfile.TemporaryDirectory() as folder:
        bench, said = Bench(asked, Path(folder)), []
        torch.cuda.empty_cache()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        bench.ours(name, bench.precision, None, graph=graph, say=said.append)()
        synchronise(bench.device)
    used, reserved = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
    failed = refusal(said) if graph else ""
    if failed:
        return f"{failed} | | |"
    return " | ".join(f"{size / 1e9:.2f}" for size in (before, used, reserved)) + " |"
