"""A training's Snakemake job as JSON, so that the processes of one training can all read it."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


class Named(dict[str, Any]):
    """Values by name, read as attributes, as in Snakemake's own object."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass(frozen=True)
class TrainingJob:
    """What a workflow script reads of its ``snakemake`` object, for one process among several.

    Attributes:
        script: the workflow script, which every process runs.
        launcher: the process that started them.
        input, output, params, wildcards, config, log, threads: as in Snakemake's object.
    """

    script: str
    launcher: int
    input: Named
    output: Named
    params: Named
    wildcards: Named
    config: Named
    log: tuple[str, ...]
    threads: int


def write_job(path: Path, job: Any, script: str) -> None:  # noqa: ANN401
    """Write what :func:`read_job` reads: ``job`` is a script's ``snakemake`` object."""
    named = ("input", "output", "params", "wildcards")
    fields: dict[str, Any] = {name: Named(getattr(job, name).items()) for name in named}
    config, log = Named(job.config), tuple(job.log)
    whole = TrainingJob(script, os.getpid(), **fields, config=config, log=log, threads=job.threads)
    path.write_text(json.dumps(asdict(whole)), encoding="utf-8")


def read_job(path: Path) -> TrainingJob:
    """The job in the file; sequences are tuples."""
    return TrainingJob(**json.loads(path.read_text(encoding="utf-8"), object_hook=_named))


def _named(values: dict[str, Any]) -> Named:
    # JSON has no tuples, and the settings of a loss have no lists.
    return Named({k: tuple(v) if type(v) is list else v for k, v in values.items()})
