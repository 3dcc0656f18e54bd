"""Whether this machine has the GPUs that a training asks for, known before the first job."""

from collections.abc import Callable

from erde.running.asking.questions import PASSING, Questions
from erde_core.errors import ErdeError


def check_gpus(
    device: str, part: str, processes: int, visible: Callable[[], int], questions: Questions
) -> None:
    """Hold a training that is to use GPUs to those of this machine.

    Args:
        device: of the experiment: ``cuda``, or ``auto`` where a GPU is to be used.
        part: ``teacher`` or ``student``, as errors name it.
        processes: its ``train.processes``, each with a GPU of its own.
        visible: counts them without PyTorch; where they are too few, PyTorch has the last word.
        questions: who asks it.

    Raises:
        ErdeError: there are fewer; the message begins with the place in the file.
    """
    if visible() >= processes:
        return
    found = int(questions.ask("gpus", {})["gpus"])
    if not found and device == "cuda":
        raise ErdeError("device must be available, got 'cuda' but PyTorch sees no GPU")
    if 0 < found < processes:
        raise ErdeError(
            f"{part}.train.processes must be at most the {found} GPUs that PyTorch sees, "
            f"got {processes}"
        )


def answer() -> dict[str, object]:
    """How many GPUs there are at this moment, in a process that may load PyTorch."""
    import torch

    return {"gpus": torch.cuda.device_count(), PASSING: True}
