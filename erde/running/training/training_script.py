"""Runs a workflow script's training, in this process or in several, and writes its results."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from erde.evaluation.tables import HISTORY
from erde.experiment.schema import read_experiment
from erde.running.asking.fitted import fitted
from erde.running.asking.questions import Questions
from erde.running.compilers import check_compilers, check_graphs
from erde.running.estimate import announce
from erde.running.gpus.claim_device import claim_for_children
from erde.running.holding.lock import check_held, folder_lock
from erde.running.job import Say, running, speaker
from erde.running.job_host import device_name, job_host
from erde.running.training.launch import launch
from erde.running.training.training_job import TrainingJob
from erde_core.errors import ErdeError
from erde_core.images import ImageDataset
from erde_core.store.dataset import dataset_hash, read_dataset
from erde_torch.device import choose_device
from erde_torch.networks.weights import NetworkCard, write_network
from erde_torch.training.host import Host
from erde_torch.training.processes import ALONE, Processes, joined
from erde_torch.training.settings import AugmentSettings

Body = Callable[[Host], None]
Part = Literal["teacher", "student"]


@dataclass(frozen=True)
class Opened:
    """What every training is given: its host, the data set with its hash, the augmentation."""

    host: Host
    dataset: ImageDataset
    dataset_hash: str
    augment: AugmentSettings


@dataclass(frozen=True)
class Trained:
    """What a training gives: the network in use, its card, and one row per epoch."""

    network: torch.nn.Module
    card: NetworkCard
    history: list[dict[str, float]]


def train_and_write(
    job: Any,  # noqa: ANN401
    script: str,
    name: str,
    part: Part,
    learn: Callable[[Opened], Trained],
) -> None:
    """Train as the rule of ``job`` asks, and write what it promises.

    Args:
        job, script, name, part: see :func:`run_training`.
        learn: trains.
    """

    def body(host: Host) -> None:
        dataset = read_dataset(job.input.data)
        if host.processes.first:
            experiment = job.wildcards.experiment
            asked = read_experiment(f"{job.config['experiments']}/{experiment}.yaml")
            for_cpu = f"{experiment}_quick"
            there = Path(job.config["experiment_files"], f"{for_cpu}.yaml").is_file()
            announce(
                dataset,
                asked,
                Path("results", experiment),
                host,
                fit=lambda parsed: fitted(parsed, Questions())[0],
                students_per_gpu=int(job.config["students_per_gpu"]),
                for_cpu=for_cpu if there else None,
            )
        augment = AugmentSettings.of(job.params.augment)
        opened = Opened(host, dataset, dataset_hash(dataset), augment)
        trained = learn(opened)
        if host.processes.first:
            check_held(host.folder)
            write_network(job.output.weights, trained.network, trained.card)
            if "history" in job.output.keys():  # noqa: SIM118 -- Snakemake's iterates over values
                HISTORY.write(job.output.history, [dict(row) for row in trained.history])

    run_training(job, script, name, part, body)


def run_training(
    job: Any,  # noqa: ANN401
    script: str,
    name: str,
    part: Part,
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
        # Again, for a cluster's node is not where the plan was made.
        device = choose_device(device_name(job))
        on_gpu = device.type == "cuda"
        check_compilers({part: train}, on_gpu)
        check_graphs({part: train}, on_gpu)
        if train.processes == 1:
            _train(job, name, ALONE, say, body, train.graph)
        else:
            check_devices(device, train.processes)
            if on_gpu:
                claim_for_children(train.processes, say)
            else:  # they too are to find none
                os.environ["CUDA_VISIBLE_DEVICES"] = ""
            threads = train.threads_of(max(1, job.threads // train.processes))
            launch(job, script, train.processes, threads)


def check_devices(device: torch.device, processes: int) -> None:
    """Each process has a GPU of its own, where GPUs are used.

    Raises:
        ValueError: there are fewer.
    """
    found = torch.cuda.device_count() if device.type == "cuda" else processes
    if processes > found:
        raise ErdeError(
            f"train.processes must be at most the {found} GPUs that PyTorch sees, got {processes}"
        )


def _take_part(job: TrainingJob, title: str, name: str, processes: Processes, body: Body) -> None:
    with open(job.log[0], "a", encoding="utf-8", buffering=1) as log:
        say = speaker(title, log) if processes.first else _silence
        _train(job, name, processes, say, body)


def _train(
    job: Any,  # noqa: ANN401
    name: str,
    processes: Processes,
    say: Say,
    body: Body,
    graph: bool | str = False,
) -> None:
    host = job_host(job, name, say, processes, graph)
    with folder_lock(host.folder, say) if processes.first else contextlib.nullcontext():
        processes.wait()  # nobody reads the checkpoint before the folder is theirs
        body(host)


def _silence(text: str) -> None:
    """What the others have to say."""
