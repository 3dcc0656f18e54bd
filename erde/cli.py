"""The command ``erde``: what one does with experiments and deployments.

Exit code 0: all done. 1: some images could not be read, the rest was done. 2: nothing was done.
130: stopped by Ctrl-C. 141: whoever reads the output has enough of it.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from erde.commands import COMMANDS as EXPERIMENT_COMMANDS
from erde.deployment import evaluate_command, predict_command
from erde.deployment.terminal import say
from erde_core.errors import extra_with

COMMANDS = {
    "predict": (predict_command, "class, probability, exit taken and MACs of images"),
    "evaluate": (evaluate_command, "accuracy, cost and exits on labelled images, and the promise"),
} | EXPERIMENT_COMMANDS
EXTRAS = {"predict": "deploy", "evaluate": "deploy"}  # whatever they lack


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; leaves through ``SystemExit``."""
    options = _parser().parse_args(arguments)
    warnings.formatwarning = lambda message, *_, **__: f"erde: warning: {message}\n"
    try:
        sys.exit(options.run(options))
    except BrokenPipeError:
        # Python's last flush must not meet the closed pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(141)  # as the shell says of a program that SIGPIPE ended
    except ModuleNotFoundError as error:
        if str(error.name).startswith("erde"):  # a file of ours is gone: a fault, not an extra
            raise
        name = options.command
        wanted = (
            f"erde[{EXTRAS[name]}]" if name in EXTRAS else extra_with(str(error.name), "workflow")
        )
        say(f"error: erde {name}: needs {error.name}: pip install '{wanted}'")
        sys.exit(2)
    except (ValueError, OSError) as error:
        say(f"error: {error}")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


class _AnyOrder(argparse.ArgumentParser):
    """Takes options before, between and after all else: ``erde run mine -n deploy``."""

    _reads_all = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401
        if self._reads_all:  # which asks back for the options alone, then for the rest
            return super().parse_known_args(args, namespace)
        self._reads_all = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._reads_all = False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="erde", description="Early-exit classifiers in use.")
    commands = parser.add_subparsers(
        required=True, metavar="|".join(COMMANDS), parser_class=_AnyOrder
    )
    for name, (command, does) in COMMANDS.items():
        sub = commands.add_parser(name, help=does, description=command.__doc__)
        command.add_options(sub)
        sub.set_defaults(run=command.run, command=name)
    return parser


if __name__ == "__main__":
    main()
