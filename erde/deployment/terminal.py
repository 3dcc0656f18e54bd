"""What the commands share with the person who types them: options, errors and progress."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from erde.deployment.choice import Thresholds, choose_threshold
from erde_core.errors import ErdeError

if TYPE_CHECKING:
    from erde.deployment.runner import Runner

SHOWN = 20  # names in one message


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """The deployment, and how it is run."""
    parser.add_argument("model", type=Path, metavar="MODEL_DIR", help="a folder with manifest.json")
    point = parser.add_mutually_exclusive_group()
    point.add_argument("--theta", help="exit threshold (by entropy in nats); or A,B,… per exit")
    point.add_argument("--budget", help="mean MACs per image, or a share of the teacher's: 0.1x")
    point.add_argument("--max-drop", type=float, help="largest loss of accuracy, a fraction: 0.01")
    parser.add_argument(
        "--per-exit", action="store_true", help="a θ for each early exit, to --budget or --max-drop"
    )
    parser.add_argument("--resize", action="store_true", help="scale and convert what does not fit")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (1)")


def load(options: argparse.Namespace) -> "tuple[Runner, Thresholds]":
    """The deployment and θ that the options name.

    Raises:
        ValueError: what is wrong with the folder or with an option, in one sentence.
        OSError: a file of the deployment cannot be read.
    """
    from erde.deployment.runner import Runner

    folder: Path = options.model
    if not (folder / "manifest.json").exists():
        raise ErdeError(f"{folder}: must be a deployment folder, got no manifest.json in it")
    runner = Runner(folder, options.threads)
    asked = (options.theta, options.budget, options.max_drop, options.per_exit)
    return runner, choose_threshold(runner.manifest, *asked)


def say(text: str) -> None:
    """One line on standard error, whatever a file is called."""
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )
    print(f"erde: {shown}", file=sys.stderr)


def say_left_out(left_out: Mapping[str, list[Path]]) -> None:
    """Name what lies among the images and is not read: a line for each reason."""
    for reason, files in left_out.items():
        names = ", ".join(file.name for file in files[:SHOWN])
        more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
        say(f"left out, {reason}: {names}{more}")


class Bar:
    """A progress bar on standard error, where that is a terminal."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total * sys.stderr.isatty(), 0

    def step(self) -> None:
        """One more is done."""
        self.done += 1
        if self.total and (self.done % 16 == 0 or self.done == self.total):
            filled = 40 * self.done // self.total
            bar = "█" * filled + "·" * (40 - filled)
            print(f"\r{bar} {self.done}/{self.total}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Make room for a line of text."""
        if self.total:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
