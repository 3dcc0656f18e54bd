"""One process of a training that has several: torchrun starts it with the path of its job."""

import ctypes
import json
import os
import re
import runpy
import signal
import sys
import time
import traceback
from pathlib import Path

from erde.running.job import SPOKEN
from erde.running.training.training_job import TrainingJob, read_job

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_TORN = re.compile("gloo|nccl|connection|socket", re.IGNORECASE)


def main(path: str) -> None:
    """Run the script of the job at ``path``, with the job as its ``snakemake`` object."""
    job = read_job(Path(path))
    die_with(job.launcher)
    try:
        runpy.run_path(job.script, {"snakemake": job})
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        report(error, job)
        sys.exit(1)


def die_with(launcher: int) -> None:
    """Let the kernel kill this process when ``launcher``, its parent, is gone (on Linux).

    Raises:
        SystemExit: it is gone already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != launcher:
        sys.exit(1)


def report(error: Exception, job: TrainingJob) -> None:
    """Leave the error where torchrun hands it to the launcher, and its traceback in the log.

    ``torn`` says that it is but the end of a connection: another process failed before.
    """
    spoken = isinstance(error, SPOKEN)
    torn = not spoken and bool(_TORN.search(str(error)))
    if not torn and not spoken:
        with open(job.log[0], "a", encoding="utf-8") as log:
            traceback.print_exception(error, file=log)
    found = {"message": str(error), "timestamp": time.time(), "torn": torn}
    with open(os.environ["TORCHELASTIC_ERROR_FILE"], "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(sys.argv[1])
