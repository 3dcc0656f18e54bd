"""The host of a Snakemake job: its device, its folder under the lock, its voice."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from erde.running.clock import clock
from erde.running.gpus.claim_device import claim_device
from erde.running.holding.lock import check_held
from erde_torch.device import choose_device
from erde_torch.training.host import Host
from erde_torch.training.processes import ALONE, Processes


def device_name(job: Any) -> str:  # noqa: ANN401
    """What a Snakemake job's ``device`` is: ``auto`` is the CPU where the plan gave it no GPU.

    A plan that looked for ``nvidia-smi`` in vain cannot know, and leaves it open.
    """
    asked = str(job.params.device)
    looked = job.config.get("gpu_for_auto") is not None or shutil.which("nvidia-smi")
    return "cpu" if asked == "auto" and not job.resources.gpu and looked else asked


def device_of(job: Any, say: Callable[[str], None]) -> torch.device:  # noqa: ANN401
    """The device of a Snakemake job, claimed: alone, or with others where it asks for a part."""
    places = int(job.config["students_per_gpu"])
    # A GPU counts for so many units; who asks for one of them shares it.
    name = device_name(job)
    if name != job.params.device:
        say("no GPU was asked for, so device: auto is the CPU")
    return claim_device(name, say, places if job.resources.gpu == 1 else 1)


def job_host(
    job: Any,  # noqa: ANN401
    name: str,
    say: Callable[[str], None],
    processes: Processes = ALONE,
    graph: bool | str = False,
) -> Host:
    """The host of a Snakemake job (its script's ``snakemake`` object) called ``name``."""
    if processes.count == 1:
        device = device_of(job, say)
    else:  # the process that started these claimed their GPUs
        device = processes.own_device(choose_device(job.params.device))
    folder = Path("results", job.wildcards.experiment, "checkpoints", name)
    return Host(
        device=device,
        folder=folder,
        code=job.params.code,
        checkpoint_seconds=float(job.config["checkpoint_seconds"]),
        say=say,
        say_progress=lambda text, left: say(f"{text} · {clock(left)} left"),
        check_held=lambda: check_held(folder),
        processes=processes,
        threads=max(1, job.threads // processes.count),
        graph=graph,
    )
