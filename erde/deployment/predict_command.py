"""``erde predict``: class, probability, exit taken and MACs of images, as CSV or JSON lines."""

import argparse
import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from erde.deployment.image_list import image_files
from erde.deployment.output import text_output
from erde.deployment.predict import Answer, check_top, classify, reader
from erde.deployment.stream import ALARMED, watch_answers
from erde.deployment.terminal import Bar, add_model_options, load, say, say_left_out
from erde_core.errors import ErdeError
from erde_core.store.cells import guarded
from erde_core.watch import Watch

COLUMNS = ("file", "class", "probability", "exit", "macs")


def add_options(parser: argparse.ArgumentParser) -> None:
    """What one may ask of the command."""
    add_model_options(parser)
    parser.add_argument("images", type=Path, metavar="IMAGE_OR_FOLDER", help="or class folders")
    parser.add_argument("--top", type=int, default=1, metavar="K", help="most probable classes (1)")
    parser.add_argument("--json", action="store_true", help="one JSON object per line, no CSV")
    parser.add_argument(
        "--watch", action="store_true", help="say whether they are like the validation images"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="instead of the terminal")


def run(options: argparse.Namespace) -> int:
    """Classify; 3 if ``--watch`` raised an alarm, else 1 if a file could not be read, else 0.

    Raises:
        ValueError, OSError: nothing could be done, in one sentence; nor can it where no
            file can be read.
    """
    found = image_files(options.images)
    runner, theta = load(options)
    check_top(runner, options.top)
    watch = Watch(runner.manifest) if options.watch else None
    seen: list[Answer] = []
    answers = classify(runner, found.files, reader(runner, options.resize), theta, options.top)
    failures, bar = 0, Bar(len(found.files) if options.images.is_dir() else 0)
    say_left_out(found.left_out)
    with text_output(options.output) as stream:
        write = (_json_lines if options.json else _table)(stream, options.top)
        for answer in answers:
            bar.step()
            if isinstance(answer, Answer):
                write(answer)
                if watch:
                    seen.append(answer)
            else:
                failures += 1
                bar.clear()
                say(f"error: {answer}")
        if failures == len(found.files):  # nothing is written, and nothing watched
            bar.clear()
            raise ErdeError(f"{options.images}: must hold at least 1 readable image, got 0")
    bar.clear()
    _say_end(found.files, failures)
    alarmed = watch is not None and watch_answers(watch, seen)
    return ALARMED if alarmed else 1 if failures else 0


def _say_end(files: list[Path], failures: int) -> None:
    odd = sum(any("\ud800" <= c <= "\udfff" for c in str(file)) for file in files)
    if odd:
        say(f"{odd} file names are no UTF-8: their odd bytes are written as \\udc80 … \\udcff")
    if failures:
        say(f"{failures} of {len(files)} images could not be read")


def _table(stream: TextIO, top: int) -> Callable[[Answer], None]:
    table = csv.writer(stream, lineterminator="\n")
    ranks = [f"{name}_{rank}" for rank in range(2, top + 1) for name in ("class", "probability")]
    table.writerow((*COLUMNS, *ranks))

    def write(answer: Answer) -> None:
        cells = [(guarded(name), f"{probability:.6f}") for name, probability in answer.ranked]
        rest = [cell for pair in cells[1:] for cell in pair]
        table.writerow((guarded(str(answer.file)), *cells[0], answer.exit, answer.macs, *rest))

    return write


def _json_lines(stream: TextIO, top: int) -> Callable[[Answer], None]:
    def write(answer: Answer) -> None:
        ranked = [{"class": name, "probability": p} for name, p in answer.ranked]
        fields = {"file": str(answer.file)} | ranked[0]
        fields |= {"exit": answer.exit, "macs": answer.macs} | ({"top": ranked} if top > 1 else {})
        # A byte of a name that is no UTF-8 leaves the stream as \udc80 … \udcff, which is JSON.
        stream.write(json.dumps(fields, ensure_ascii=False) + "\n")

    return write
