"""Compute an experiment's picture, report or deployment: Snakemake does it, in a clone of ERDE."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from erde_core.errors import ErdeError

if TYPE_CHECKING:
    from erde.experiment.options import RunOptions
    from erde.experiment.schema import Experiment

_RESULTS = ("picture", "report", "deploy")
_MARKS = ("Snakefile", "workflow/rules/common.smk")
_EXPERIMENTS = Path("workflow/experiments")


def add_options(parser: argparse.ArgumentParser) -> None:
    """``EXPERIMENT``, what of it, and what Snakemake is to be told."""
    parser.add_argument("experiment", metavar="EXPERIMENT", help="its name, or its file's")
    parser.add_argument("result", nargs="?", choices=_RESULTS, default="picture")
    parser.add_argument("--cores", default="all", help="at one time (all)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show the jobs, run none")
    parser.add_argument(
        "--config",
        nargs="+",
        type=_key_value,
        default=[],
        metavar="KEY=VALUE",
        help="of the run, as rivals=false",
    )


def run(options: argparse.Namespace) -> NoReturn:
    """Become Snakemake, once the experiment file and the images pass what can be checked.

    Raises:
        ValueError: not in a clone, no such experiment or option, or a rule is broken; one sentence.
    """
    target = _target(options)
    command = ["-m", "snakemake", "--cores", options.cores, *["--dry-run"] * options.dry_run]
    command += ["--config", *options.config] if options.config else []
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *command, "--", target])


def _target(options: argparse.Namespace) -> str:
    from erde.experiment.names import check_experiment_name
    from erde.experiment.schema import read_experiment

    if not all(Path(mark).is_file() for mark in _MARKS):
        raise ErdeError(
            f"erde run must start in a clone of the repository, where Snakefile and workflow/ lie, "
            f"got {Path.cwd()}"
        )
    path, folder = (
        Path(options.experiment),
        Path(_config(options.config).experiments or _EXPERIMENTS),
    )
    if path.suffix == ".yaml" and path.resolve().parent != folder.resolve():
        raise ErdeError(f"the experiment file must lie in {folder}, got {path}: copy it there")
    name = path.stem if path.suffix == ".yaml" else options.experiment
    check_experiment_name(name)
    experiment = read_experiment(folder / f"{name}.yaml")
    if options.result == "deploy":
        return _deployment(name, experiment)
    ending = {"picture": "pareto.png", "report": "report.html"}[options.result]
    return f"results/{name}_{ending}"


def _key_value(word: str) -> str:
    """A word of ``--config``, which takes all words up to the next option, as Snakemake's does."""
    if "=" not in word:
        raise argparse.ArgumentTypeError(
            f"must be KEY=VALUE, got {word!r}; names stand before --config"
        )
    return word


def _config(words: Sequence[str]) -> "RunOptions":
    """What ``--config`` says, checked as the workflow checks it."""
    from erde.experiment.options import run_options

    found: dict[str, str] = {}
    for word in words:
        key, _, value = word.partition("=")
        if key in found:
            raise ErdeError(f"--config must have each key once, got {word!r} again")
        found[key] = value
    return run_options(found)


def _deployment(name: str, experiment: "Experiment") -> str:
    """The folder of the variant that the report shows, trained with the first seed."""
    from erde.experiment.names import shown_variant

    methods = {name: variant.method for name, variant in experiment.variants.items()}
    return f"results/{name}/deploy/{shown_variant(methods)}-seed{experiment.seeds[0]}"
