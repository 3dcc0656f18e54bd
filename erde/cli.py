"""The command ``erde``: classify images with a deployment.

Exit code 0: all done. 1: some images could not be read, the rest was done. 2: nothing was done.
"""

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from erde.commands import COMMANDS
from erde.deployment.operating_choice import choose_threshold
from erde.deployment.predict import Answer, classify, image_files, reader
from erde.deployment.runner import Runner
from erde_core.store.files import whole_file

COLUMNS = ("file", "class", "probability", "exit", "macs")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; leaves through ``SystemExit``."""
    options = _parser().parse_args(arguments)
    try:
        failures = options.run(options)
    except (ValueError, OSError) as error:
        print(f"erde: error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(1 if failures else 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="erde", description="Early-exit classifiers in use.")
    commands = parser.add_subparsers(required=True, metavar="|".join(["predict", *COMMANDS]))
    for name, (module, does) in COMMANDS.items():
        other = commands.add_parser(name, help=does, description=module.__doc__)
        module.add_options(other)
        other.set_defaults(run=module.run)
    command = commands.add_parser(
        "predict", help="class, probability, exit taken and MACs of images, as CSV"
    )
    command.set_defaults(run=_predict)
    command.add_argument(
        "model", type=Path, metavar="MODEL_DIR", help="a folder with manifest.json"
    )
    command.add_argument("images", type=Path, metavar="IMAGE_OR_FOLDER")
    point = command.add_mutually_exclusive_group()
    point.add_argument("--theta", type=float, help="exit threshold in nats")
    point.add_argument("--budget", help="mean MACs per image, or a share of the teacher's: 0.1x")
    point.add_argument("--max-drop", type=float, help="largest loss of accuracy, a fraction: 0.01")
    command.add_argument(
        "--resize", action="store_true", help="scale and convert what does not fit"
    )
    command.add_argument(
        "--output", type=Path, metavar="CSV", help="a file instead of the terminal"
    )
    command.add_argument("--threads", type=int, default=1, help="CPU threads (1)")
    return parser


def _predict(options: argparse.Namespace) -> int:
    """The number of files that could not be read."""
    files = image_files(options.images)
    runner = _load(options.model, options.threads)
    threshold = choose_threshold(runner.manifest, options.theta, options.budget, options.max_drop)
    read = reader(tuple(runner.manifest["shape"]), options.resize)
    failures, bar = 0, _Bar(len(files) if options.images.is_dir() else 0)
    with ExitStack() as stack:
        table = csv.writer(_open(stack, options.output), lineterminator="\n")
        table.writerow(COLUMNS)
        for found in classify(runner, files, read, threshold):
            bar.step()
            if isinstance(found, Answer):
                probability = f"{found.probability:.6f}"
                table.writerow((found.file, found.label, probability, found.exit, found.macs))
            else:
                failures += 1
                bar.clear()
                print(f"erde: error: {found}", file=sys.stderr)
    bar.clear()
    if failures:
        print(f"erde: {failures} of {len(files)} images could not be read", file=sys.stderr)
    return failures


def _load(folder: Path, threads: int) -> Runner:
    """The runner of a deployment, with one sentence for each way in which it may be broken."""
    if threads < 1:
        raise ValueError(f"--threads must be >= 1, got {threads}")
    if not (folder / "manifest.json").is_file():
        raise ValueError(f"{folder}: must be a deployment folder, got no manifest.json in it")
    try:
        return Runner(folder, threads)
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{folder}/manifest.json: not a readable manifest ({error!r})") from error


def _open(stack: ExitStack, path: Path | None) -> TextIO:
    if path is None:
        return sys.stdout
    temporary = stack.enter_context(whole_file(path))
    return stack.enter_context(open(temporary, "w", newline="", encoding="utf-8"))


class _Bar:
    """A progress bar on standard error, where that is a terminal."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total * sys.stderr.isatty(), 0

    def step(self) -> None:
        self.done += 1
        if self.total and (self.done % 16 == 0 or self.done == self.total):
            filled = 40 * self.done // self.total
            bar = "█" * filled + "·" * (40 - filled)
            print(f"\r{bar} {self.done}/{self.total}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self.total:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
