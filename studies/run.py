"""Run a study, one experiment after the other, within a time budget; bring little home.

    python -m studies.run studies/full.txt --seconds 1700 --out home

The list names the experiments in their order, one a line; ``experiments.yaml`` beside it says what
they are. The same command goes on from what is there: Snakemake skips what is finished, and a
training that the budget cut off saved its checkpoint.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

from erde.experiment.schema import read_experiment
from erde.running.code_hash import code_hash
from erde_core.errors import ErdeError
from erde_core.store.files import write_text
from studies.compose import RIVALS, WAYS, read_list, write_experiments
from studies.export import export_experiment
from studies.lend import lend_cache, lend_checkpoints
from studies.ways import LIST, exit_logits_files, write_ways

RESULTS = Path("results")
TARGETS = ("results/{name}_pareto.png", "results/{name}/comparison.csv")
MORE = {
    RIVALS: ("results/{name}/rivals.csv", "results/{name}/envelope.csv"),
    WAYS: ("results/{name}/policies.csv",),
    "": (),
}
FINISHED, FAILED, OUT_OF_TIME = 0, 1, 3  # exit codes
_PATIENCE = 120  # seconds that a stopped training has to save its checkpoint


def targets_of(study: Path, name: str, wanted: str, seeds: list[int]) -> list[str]:
    """The files that experiment ``name`` is wanted for; ``study`` is the folder of the list."""
    targets = [target.format(name=name) for target in (*TARGETS, *MORE[wanted])]
    if wanted == WAYS:
        targets += map(str, exit_logits_files(RESULTS, study / LIST, name, seeds))
    return targets


def run_step(folder: Path, targets: list[str], cores: int, seconds: float) -> int:
    """Snakemake over one experiment's files, stopped after ``seconds``.

    Returns:
        ``FINISHED``, ``FAILED`` or ``OUT_OF_TIME``.
    """
    command = [sys.executable, "-m", "snakemake", *targets, "--cores", str(cores)]
    command += ["--config", f"experiments={folder}"]
    # In a group of its own, so that one signal reaches the trainings as well.
    process = subprocess.Popen(command, start_new_session=True)
    try:
        return FAILED if process.wait(max(seconds, 0)) else FINISHED
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        _stop(process, command)
        return OUT_OF_TIME


def _stop(process: subprocess.Popen[bytes], command: list[str]) -> None:
    """SIGTERM to the whole group: trainings save their checkpoint, Snakemake starts no more."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # Its lock is left behind, and would refuse the next command.
        subprocess.run([*command, "--unlock"], check=False)


def run_study(folder: Path, steps: list[tuple[str, str]], cores: int, seconds: float) -> int:
    """Run experiments of ``folder`` in turn; one that fails does not hold up the next.

    ``folder`` lies beside the study's list. See :func:`studies.compose.read_list` for ``steps``.

    Returns:
        ``FINISHED``, ``FAILED`` (at least one), or ``OUT_OF_TIME``.

    Raises:
        ValueError: an experiment file breaks a rule; nothing was run.
    """
    deadline = time.monotonic() + seconds
    experiments = {name: read_experiment(folder / f"{name}.yaml") for name, _ in steps}
    targets = {
        name: targets_of(folder.parent, name, wanted, experiments[name].seeds)
        for name, wanted in steps
    }
    outcome = FINISHED
    for index, (name, wanted) in enumerate(steps):
        lenders = [lender for lender, _ in steps[:index]]
        lend_checkpoints(RESULTS, name, experiments, lenders)
        lend_cache(RESULTS, name, experiments, lenders)
        left = deadline - time.monotonic()
        done = run_step(folder, targets[name], cores, left) if left > 0 else OUT_OF_TIME
        print(f"study: {name}: {('finished', 'failed', '', 'out of time')[done]}", flush=True)
        if done == OUT_OF_TIME:
            return OUT_OF_TIME
        if wanted == WAYS and done == FINISHED:
            write_ways(RESULTS, folder.parent / LIST, name, experiments[name].seeds)
        outcome = max(outcome, done)
    return outcome


def machine() -> dict[str, object]:
    """Versions and hardware, as the results should name them."""
    import torch

    names = ("numpy", "numba", "torch", "snakemake")
    cuda = torch.cuda.is_available()
    cpu = [x for x in _text("/proc/cpuinfo").splitlines() if x.startswith("model name")]
    return {
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in names},
        "cpu": cpu[0].split(":")[1].strip() if cpu else platform.processor(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if cuda else None,
        "training_code": code_hash(
            Path.cwd(), "erde_torch.training.student", "erde_torch.training.teacher"
        ),
    }


def _text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8") if Path(path).exists() else ""


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m studies.run", description=__doc__.splitlines()[0]
    )
    parser.add_argument("study", type=Path, help="the list of experiments")
    parser.add_argument("--seconds", type=float, required=True, help="0 only brings home")
    parser.add_argument("--out", type=Path, required=True, help="where small results are put")
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        steps = read_list(options.study)
        folder = write_experiments(options.study.parent.resolve(), [name for name, _ in steps])
        outcome = run_study(folder, steps, options.cores, options.seconds)
    except ErdeError as error:
        parser.error(str(error))
    except KeyboardInterrupt:  # between two runs of Snakemake
        outcome = OUT_OF_TIME
    for name, _ in steps:
        if (RESULTS / name).is_dir():
            export_experiment(RESULTS, name, options.out)
    about = options.out / f"machine_{options.study.stem}.json"
    write_text(about, json.dumps(machine(), indent=2) + "\n")
    return outcome


if __name__ == "__main__":
    sys.exit(main())
