"""Students that share one GPU: how many images per second all of them together train.

Each student is a process, as the workflow's are. So many of them as a round says train at the same
time, and all go on until the round's window has closed: what is counted was learned while all of
them were at it.
"""

import argparse
import contextlib
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator

import torch

from benchmarks.gpu.students import StudentError, Students
from erde_torch.device import choose_precision

Cells = dict[tuple[bool, int], list[float]]  # images/s, round by round, by (captured, how many)
_SHARE = 0.8  # of the part's time, after which no further row is begun
HEAD = (
    "| step | students at one time | rounds | images/s of all together | range | gain |",
    "|---|---:|---:|---:|---|---:|",
)


def lines(asked: argparse.Namespace) -> Iterator[str]:
    """Images per second of all students together, row by row and round by round.

    Args:
        asked: as of :mod:`benchmarks.gpu_report`; a GPU also trains by captured steps. No row is
            begun after most of ``asked.limit`` seconds.
    """
    ends = time.monotonic() + _SHARE * asked.limit
    ways = (False, True) if asked.device == "cuda" else (False,)
    cells: Cells = {(way, count): [] for count in sorted(asked.counts) for way in ways}
    refused: dict[tuple[bool, int], str] = {}
    with contextlib.closing(Students(asked, ways, ends)) as students:
        for way, count in [cell for _ in range(asked.rounds) for cell in cells]:
            if (way, count) in refused:
                continue
            if time.monotonic() > ends:
                break
            try:
                cells[way, count].append(students.together(count, way))
            except StudentError as error:
                refused[way, count] = str(error)
            yield "\n".join([*heading(asked), "", *table(cells, refused)])


def heading(asked: argparse.Namespace) -> list[str]:
    """What the table holds for."""
    batch = min(asked.batch, asked.images)
    precision = choose_precision(asked.precision, torch.device(asked.device))
    lines = [
        f"ResNet10, width {asked.width:g}, batch {batch}, {precision}, teacher cached; windows of "
        f"{asked.seconds:g} s, in which all students of a row learn.",
        f"NVIDIA's MPS: {'yes' if mps_serves() else 'no'}.",
    ]
    if asked.device == "cuda":
        lines[1] += f" A captured epoch takes the last of its {asked.images // batch} steps twice."
    return lines


def mps_serves() -> bool:
    """Whether NVIDIA's MPS has a server for this user, whose programs then share their kernels."""
    command = shutil.which("nvidia-cuda-mps-control")
    if command is None:
        return False
    asked = {"input": "get_server_list\n", "capture_output": True, "text": True, "timeout": 60}
    done = subprocess.run([command], check=False, **asked)
    return done.returncode == 0 and any(word.isdecimal() for word in done.stdout.split())


def table(cells: Cells, refused: dict[tuple[bool, int], str]) -> list[str]:
    """Markdown: one row per way and number of students; what is not there says why."""
    lines = list(HEAD)
    first = min(count for _, count in cells)
    for (captured, count), values in sorted(cells.items()):
        head = f"| {'captured' if captured else 'uncaptured'} | {count} | {len(values)} |"
        if not values or (captured, count) in refused:
            why = refused.get((captured, count), "not reached")
            lines.append(f"{head} – | {why} | – |")
            continue
        middle, alone = statistics.median(values), cells[captured, first]
        gain = f"{middle / statistics.median(alone):.2f}" if alone else "–"
        span = f"{min(values):.0f}–{max(values):.0f}"
        lines.append(f"{head} {middle:.0f} | {span} | {gain} |")
    return lines
