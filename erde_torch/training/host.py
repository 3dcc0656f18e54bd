"""Where a stage runs and what it must agree with: device, checkpoint folder, identity, progress."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from erde.running.claim_device import claim_device
from erde_torch.device import choose_device
from erde_torch.training.processes import ALONE, Processes


@dataclass(frozen=True)
class Environment:
    """Where a stage runs.

    Attributes:
        device: of the computation.
        folder: for checkpoints; no other training uses it.
        code: hash of the code that the stage imports.
        checkpoint_seconds: how often a checkpoint is saved.
        say: tells the person who watches.
        processes: this process among those that share the work.
    """

    device: torch.device
    folder: Path
    code: str
    checkpoint_seconds: float
    say: Callable[[str], None]
    processes: Processes = ALONE

    def identity(self, **parts: object) -> str:
        """One hash of ``parts`` (JSON values), the code, PyTorch's version and the device."""
        device = self.device.type
        if device == "cuda":
            device = torch.cuda.get_device_name(self.device)
        parts |= {"code": self.code, "torch": torch.__version__, "device": device}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def stage_environment(
    job: Any,  # noqa: ANN401
    name: str,
    say: Callable[[str], None],
    processes: Processes = ALONE,
) -> Environment:
    """The environment of a Snakemake job (its script's ``snakemake`` object) called ``name``."""
    if processes.count == 1:
        device = claim_device(job.params.device, say)
    else:  # the process that started these claimed their GPUs
        device = processes.own_device(choose_device(job.params.device))
    return Environment(
        device=device,
        folder=Path("results", job.wildcards.experiment, "checkpoints", name),
        code=job.params.code,
        checkpoint_seconds=float(job.config["checkpoint_seconds"]),
        say=say,
        processes=processes,
    )
