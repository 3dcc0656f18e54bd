"""Runs a workflow script's training, in this process or in several."""

import contextlib
from collections.abc import Callable
from typing import Any, Literal

import torch

from erde.experiment.schema import read_experiment
from erde.running.claim_device import claim_for_children
from erde.running.launch import launch
from erde.running.lock import folder_lock
from erde.running.stage import Say, running, speaker
from erde.running.stage_host import stage_host
from erde.running.training_job import TrainingJob
from erde_torch.device import choose_device
from erde_torch.training.host import Host
from erde_torch.training.processes import ALONE, Processes, joined

Body = Callable[[Host], None]


def run_training(
    job: Any,  # noqa: ANN401
    script: str,
    name: str,
    part: Literal["teacher", "student"],
    body: Body,
) -> None:
    """Run ``body``, which trains and writes; with ``train.processes`` in as many processes.

    Each of those runs the script again, up to here, with a :class:`TrainingJob` in place of
    Snakemake's object.

    Args:
        job: the script's ``snakemake`` object.
        script: its path.
        name: of the training, and of its folder for checkpoints.
        part: of the experiment file that says how it is trained.
        body: is given the environment; where it is not that of the first process it must not write.
    """
    title = f"{job.wildcards.experiment} · {name}"
    if isinstance(job, TrainingJob):
        with joined(choose_device(job.params.device)) as processes:
            _take_part(job, title, name, processes, body)
        return
    with running(title, job.log[0]) as say:
        path = f"{job.config['experiments']}/{job.wildcards.experiment}.yaml"
        train = getattr(read_experiment(path), part).train
        if train.processes == 1:
            _train(job, name, ALONE, say, body)
        else:
            device = choose_device(job.params.device)
            check_devices(device, train.processes)
            if device.type == "cuda":
                claim_for_children(train.processes, say)
            launch(job, script, train.processes, train.threads)


def check_devices(device: torch.device, processes: int) -> None:
    """Each process has a GPU of its own, where GPUs are used.

    Raises:
        ValueError: there are fewer.
    """
    found = torch.cuda.device_count() if device.type == "cuda" else processes
    if processes > found:
        raise ValueError(
            f"train.processes must be at most the {found} GPUs that PyTorch sees, got {processes}"
        )


def _take_part(job: TrainingJob, title: str, name: str, processes: Processes, body: Body) -> None:
    with open(job.log[0], "a", encoding="utf-8", buffering=1) as log:
        say = speaker(title, log) if processes.first else _silence
        _train(job, name, processes, say, body)


def _train(job: Any, name: str, processes: Processes, say: Say, body: Body) -> None:  # noqa: ANN401
    host = stage_host(job, name, say, processes)
    with folder_lock(host.folder, say) if processes.first else contextlib.nullcontext():
        processes.wait()  # nobody reads the checkpoint before the folder is theirs
        body(host)


def _silence(text: str) -> None:
    """What the others have to say."""
