"""The host of a training that a test runs by itself."""

import torch

from erde_torch.training.host import Host
from erde_torch.training.processes import ALONE

CPU = torch.device("cpu")


def own_host(folder, code="code", seconds=1e9, say=lambda text: None, processes=ALONE, device=CPU):
    """With nobody beside it that could take the folder."""
    return Host(
        device=device,
        folder=folder,
        code=code,
        checkpoint_seconds=seconds,
        say=say,
        say_progress=lambda text, left: say(f"{text} · {left:.0f} s left"),
        check_held=lambda: None,
        processes=processes,
    )
