"""How many students a GPU holds at one time, by what one of them takes of its memory."""

from collections.abc import Mapping

import torch

from erde.running.asking.step_memory import weight_copies
from erde_core.errors import ErdeError
from erde_torch.training.settings import TrainSettings

STUDENT_BYTES = "student_device_bytes"  # of an estimate
# CUDA's own in each process, as long as NVIDIA's MPS does not share it: a round number.
CONTEXT_BYTES = 500_000_000
_MOST_USED = 0.8  # of a GPU's memory, by what is counted: an allocator keeps more than is in use
# "Each MPS server supports up to 60 client CUDA contexts per-device":
# https://docs.nvidia.com/deploy/mps
_MOST_STUDENTS = 60
_FLOAT32_BYTES = 4


def training_bytes(peak: int, weights: int, train: TrainSettings) -> int:
    """What a training takes of a GPU beside its images and cache.

    A captured step keeps its memory beside that of the uncaptured one, and whoever compares both
    copies all that lasts twice.

    Args:
        peak: bytes of a network and of one step, forward and backward, without an optimiser.
        weights: how many numbers the network learns.
        train: how.
    """
    own = weights * _FLOAT32_BYTES
    lasting = own * weight_copies(train)
    step = max(0, peak - own)
    if train.graph and not train.compile and train.processes == 1:
        return CONTEXT_BYTES + 3 * lasting + 2 * step
    return CONTEXT_BYTES + lasting + step


def fitting(found: Mapping[str, float], device: torch.device) -> int:
    """How many students may share a GPU; 1 even where an estimate says that none fits."""
    memory = torch.cuda.mem_get_info(device)[1]
    return min(_MOST_STUDENTS, max(1, int(_MOST_USED * memory / found[STUDENT_BYTES])))


def check_sharing(found: Mapping[str, float], students: int, device: torch.device) -> None:
    """Refuse more students on a GPU than its memory holds, or NVIDIA's MPS serves.

    Args:
        found: as :func:`erde.running.estimate.estimate` gives it.
        students: at one time on each GPU.
        device: where they are to be trained.

    Raises:
        ErdeError: names how many fit.
    """
    if device.type == "cuda" and students > (most := fitting(found, device)):
        raise ErdeError(
            f"--config students_per_gpu must be at most {most} here, "
            f"got {students}: one student takes {found[STUDENT_BYTES] / 1e9:.2f} GB of the GPU's "
            f"{torch.cuda.mem_get_info(device)[1] / 1e9:.1f} GB"
        )
