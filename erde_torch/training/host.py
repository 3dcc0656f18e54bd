"""What a training asks of whoever runs it: a place, a voice, and the right to write.

Nothing here knows of locks, leases, clocks or GPU claims: ``erde.running`` fills these fields in.
So an edit there changes no hash of a training, and a training can be run by hand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from erde_torch.training.identity import Identity
from erde_torch.training.processes import ALONE, Processes


@dataclass(frozen=True, kw_only=True)
class Host:
    """Where a job runs.

    Attributes:
        device: of the computation.
        folder: for checkpoints; no other training uses it.
        code: hash of the code that the job imports.
        checkpoint_seconds: how often a checkpoint is saved.
        say: tells the person who watches.
        say_progress: the same, with the seconds that are left.
        check_held: is called right before a write that another trainer of ``folder`` would read,
            and raises if this process may no longer write there.
        processes: this process among those that share the work.
        threads: on the CPU, of a training that leaves them to its host.
        graph: whether the step is captured, where the settings that name the result do not say it.
    """

    device: torch.device
    folder: Path
    code: str
    checkpoint_seconds: float
    say: Callable[[str], None]
    say_progress: Callable[[str, float], None]
    check_held: Callable[[], None]
    processes: Processes = ALONE
    threads: int = 1
    graph: bool | str = False

    def identity(self, **parts: object) -> Identity:
        """``parts`` (JSON values), the code, PyTorch's version and the device."""
        device = self.device.type
        if device == "cuda":
            device = torch.cuda.get_device_name(self.device)
        parts |= {"code": self.code, "torch": torch.__version__, "device": device}
        return Identity.of(parts)
