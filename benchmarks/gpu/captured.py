"""The captured step beside the uncaptured one: for the report's part ``graph``."""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.gpu.apart import ApartError, apart
from benchmarks.gpu.rates import rates
from benchmarks.training import Bench, measure
from erde_torch.training.captured.recorder import GraphError

CONTENDERS = {
    "our teacher": ("resnet34", None),
    "our student, teacher cached": ("resnet10", "cached"),
}
Seconds = dict[str, list[float]]


def lines(asked: argparse.Namespace) -> Iterator[str]:
    """Images per second by the captured step beside the uncaptured one, where both agree."""
    if asked.device != "cuda":
        yield "Measured on GPUs alone."
        return
    said: list[str] = []
    seconds: Seconds = {}
    for shown in CONTENDERS:  # each in a process of its own: a capture that breaks spoils its own
        try:
            sentence, found = apart(asked.threads, both_ways, asked, shown)
        except ApartError as error:
            sentence, found = f"{shown}: FAILED: {error}", {}
        said.append(f"* {sentence}")
        seconds |= found
        yield "\n".join([*said, *_table(asked, seconds)])


def _table(asked: argparse.Namespace, seconds: Seconds) -> list[str]:
    if not seconds:
        return []
    batch = min(asked.batch, asked.images)
    steps = asked.images // batch
    note = f"A captured epoch takes the last of its {steps} steps twice, to compare."
    return ["", f"Width {asked.width:g}, batch {batch}. {note}", "", *rates(seconds, steps * batch)]


def both_ways(asked: argparse.Namespace, shown: str) -> tuple[str, Seconds]:
    """What the self-check says, and the seconds of both; of neither where it failed."""
    name, teacher = CONTENDERS[shown]
    with tempfile.TemporaryDirectory() as folder:
        bench, said = Bench(asked, Path(folder)), []
        shown = f"{shown}, {bench.precision}"
        plain = bench.ours(name, bench.precision, teacher)
        captured = bench.ours(name, bench.precision, teacher, graph=True, say=said.append)
        seconds: Seconds = {}
        try:
            captured()
            ways = {shown: plain, f"{shown}, captured": captured}
            seconds = measure(ways, asked.rounds, bench.device)
        except GraphError as error:
            said.append(str(error))
    failed = refusal(said)
    return (f"{shown}: {failed}", {}) if failed else (f"{shown}: {said[0]}", seconds)


def refusal(said: list[str]) -> str:
    """Why nothing that a captured step gave may be shown, by what it said; nothing if it may."""
    if not said:
        return "NOT CHECKED, for an epoch has too few steps: give more --images"
    return "" if said[-1].endswith(": in use") else f"SELF-CHECK FAILED: {said[-1]}"
