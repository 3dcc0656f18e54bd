"""Whether this machine has what trainings ask for: PyTorch itself would look in the first step."""

import os
import shutil
from collections.abc import Mapping

from erde_core.errors import ErdeError
from erde_torch.training.settings import TrainSettings


def check_compilers(asked: Mapping[str, TrainSettings], on_gpu: bool) -> None:
    """Refuse trainings that ask to be compiled where there is nothing to do it with.

    Args:
        asked: what is to be trained, by its place in the experiment's file.
        on_gpu: whether they run on a GPU, for which Triton calls a C compiler; on the CPU PyTorch
            calls a C++ compiler.

    Raises:
        ErdeError: names the key and the missing compiler.
    """
    variable, usual = ("CC", ("gcc", "clang")) if on_gpu else ("CXX", ("g++",))
    named = os.environ.get(variable)
    wanted = (named,) if named else usual
    if any(map(shutil.which, wanted)):
        return
    for part, train in asked.items():
        if train.compile:
            raise ErdeError(
                f"{part}.train.compile must be false where there is no compiler, got true and no "
                f"{' or '.join(wanted)}: install one, or name yours in the variable {variable}"
            )


def check_graphs(asked: Mapping[str, TrainSettings], on_gpu: bool) -> None:
    """Refuse trainings whose step is to be a CUDA graph where no GPU is used.

    Args:
        asked: what is to be trained, by its place in the experiment's file.
        on_gpu: whether they run on a GPU.

    Raises:
        ErdeError: names the key.
    """
    for part, train in asked.items():
        if train.graph is True and not on_gpu:
            raise ErdeError(f"{part}.train.graph must be false where no GPU is used, got true")
