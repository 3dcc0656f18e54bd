"""Starts the processes of one training by torchrun, and says in one sentence why they ended."""

import json
import logging
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.run import parse_args, run

from erde.running.training.training_job import write_job
from erde_core.errors import ErdeError
from erde_torch.training.interrupt import STOPS

# How long a process may take to finish its step and save, in seconds; a second signal ends it.
_GRACE = "3600"


class TrainingProcessError(ErdeError):
    """A process of a training failed."""


def launch(job: Any, script: str, processes: int, threads: int) -> None:  # noqa: ANN401
    """Let ``processes`` processes run ``script`` for ``job``, and wait for them.

    SIGTERM, SIGINT and SIGHUP are passed on to them. If this process dies, they die with it.

    Args:
        job: the script's ``snakemake`` object.
        script: its path.
        processes: all on this machine.
        threads: of each.

    Raises:
        TrainingProcessError: one of them failed; the message is the sentence of the first.
        SystemExit: they were asked to stop and did.
    """
    logging.disable(logging.CRITICAL)  # torchrun's own words: this process says the cause itself
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", _GRACE)
    with tempfile.TemporaryDirectory(prefix="erde-") as folder:
        path = Path(folder, "job.json")
        write_job(path, job, script)
        # Standalone: a rendezvous of its own at a free port, so that trainings run side by side.
        options = ["--standalone", f"--nproc-per-node={processes}", "--local-addr=127.0.0.1"]
        worker = ["-m", "erde.running.training.worker", str(path)]
        try:
            # PyTorch has typed neither of them.
            arguments = parse_args([*options, f"--log-dir={folder}", *worker])  # type: ignore[no-untyped-call]
            run(arguments)  # type: ignore[no-untyped-call]
        except SignalException as stop:
            sys.exit(128 + stop.sigval)
        except ChildFailedError as error:
            explain(error.failures, processes)


def explain(failures: Mapping[int, ProcessFailure], processes: int) -> NoReturn:
    """End as the process did that failed first; the others failed for want of it."""
    reports = [report for f in failures.values() if (report := _report(f.error_file))]
    reports.sort(key=lambda report: (report["torn"], report["timestamp"]))
    if reports and not reports[0]["torn"]:
        raise TrainingProcessError(reports[0]["message"])
    for rank, failure in failures.items():
        if failure.exitcode < 0 and -failure.exitcode not in STOPS:
            raise _early_end(failure.signal_name(), rank, processes)
    for failure in failures.values():
        for number in STOPS:
            if failure.exitcode in (-number, 128 + number):
                sys.exit(128 + number)
    rank, failure = next(iter(failures.items()))
    said = reports[0]["message"] if reports else f"exit code {failure.exitcode}"
    raise _early_end(said, rank, processes)


def _early_end(found: str, rank: int, processes: int) -> TrainingProcessError:
    return TrainingProcessError(
        f"every process of a training must reach its end, got {found} in process {rank + 1} of "
        f"{processes}; the last checkpoint is kept"
    )


def _report(path: str) -> dict[str, Any] | None:
    file = Path(path)
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
