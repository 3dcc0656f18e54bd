"""Whether trainings fit into this machine, before an image is decoded: a short process is asked.

What a training step keeps for its backward pass is counted on tensors without memory. It is a lower
bound of what the step takes, so that nothing is refused that would run.
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from erde.datasets.source import Facts
from erde.experiment.schema import Experiment
from erde.running.clock import clock
from erde_core.errors import ErdeError
from erde_torch.networks.settings import NetworkSettings

if TYPE_CHECKING:
    import torch
    from torch import nn

_COPIES = 4 * 4  # bytes of float32: weights, gradients, momentum, and what a checkpoint gathers
_PASSES = 3 * 2  # a step is three forward passes, a multiply-accumulate two operations
_SECONDS = 0.3  # of measuring


@dataclass(frozen=True)
class Needed:
    """What one training takes at least.

    Attributes:
        fixed_bytes, image_bytes: whatever the batch, and for each image of it.
        image_operations: of one image in one epoch.
        operations_per_second: of the device, by a convolution of middling size.
        device_bytes: of the device's memory; 0 for main memory.
    """

    fixed_bytes: int
    image_bytes: int
    image_operations: int
    operations_per_second: float
    device_bytes: int


def fitting_sentences(experiment: Experiment, facts: Facts, memory: int) -> list[str]:
    """A line on memory and time for the teacher and for one student.

    Args:
        experiment, facts: what is to be trained, on what.
        memory: bytes of main memory that a process may use.

    Raises:
        ErdeError: the batches of one do not fit; the sentence says which would.
    """
    said, trained = [], {"teacher": experiment.trained_teacher, "student": experiment.student}
    parts = {name: part for name, part in trained.items() if part is not None}
    networks = [part.network for part in parts.values()]
    asked = _asked(networks, facts, experiment.device)
    for (name, part), found in zip(parts.items(), asked, strict=True):
        room = found.device_bytes or memory
        batch, epochs = part.train.batch_size, part.train.epochs
        bytes_needed = found.fixed_bytes + batch * found.image_bytes
        if bytes_needed > room:
            fits = (room - found.fixed_bytes) // found.image_bytes
            instead = f"batch_size {fits}" if fits >= 2 else "no batch"
            raise ErdeError(
                f"{name}.train.batch_size: {batch} images of {facts.height} × {facts.width} pixels "
                f"take at least {bytes_needed / 1e9:.1f} GB in training, this machine has "
                f"{room / 1e9:.1f}: {instead} would fit at width {part.network.width:g}; smaller "
                "are a smaller width, image_size, or another network"
            )
        work = epochs * facts.train * found.image_operations
        said.append(
            f"{name}: at least {bytes_needed / 1e9:.2f} GB in batches of {batch}, and about "
            f"{clock(work / found.operations_per_second)} for {epochs} epochs"
        )
    return said


def _asked(networks: list[NetworkSettings], facts: Facts, device: str) -> list[Needed]:
    shape = facts.channels, facts.height, facts.width
    described = [network.described() for network in networks]
    question = json.dumps([described, facts.classes, shape, device])
    command = [sys.executable, "-m", "erde.running.fits", question]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ErdeError(done.stderr.strip().rpartition("\n")[2])
    return [Needed(**found) for found in json.loads(done.stdout.splitlines()[-1])]


def _answer(question: str) -> None:
    import torch

    described, classes, shape, wanted = json.loads(question)
    cuda = wanted != "cpu" and torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    speed = _operations_per_second(device)
    memory = torch.cuda.mem_get_info()[1] if cuda else 0
    try:
        counted = [_counted(NetworkSettings(**keys), classes, tuple(shape)) for keys in described]
    except ErdeError as error:
        sys.exit(str(error))
    print(json.dumps([asdict(Needed(*found, speed, memory)) for found in counted]))


def _counted(
    settings: NetworkSettings, classes: int, shape: tuple[int, int, int]
) -> tuple[int, int, int]:
    """The first three fields of :class:`Needed`."""
    from erde_torch.networks.build import build_network
    from erde_torch.networks.macs import exit_macs
    from erde_torch.networks.shapes_only import shapes_only

    with shapes_only():
        network = build_network(settings, classes, shape).train()
    weights = sum(parameter.numel() for parameter in network.parameters())
    operations = _PASSES * int(exit_macs(network, shape)[-1])
    return _COPIES * weights, _kept_bytes(network, shape), operations


def _kept_bytes(network: "nn.Module", shape: tuple[int, int, int]) -> int:
    """Bytes that one image keeps alive until the backward pass."""
    import torch
    from torch import Tensor

    own = {parameter.untyped_storage()._cdata for parameter in network.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage.nbytes()  # of a meta tensor: what it would have
        return tensor

    images = torch.empty(2, *shape, device="meta")
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        alive = network(images)  # holds what was kept, so that no address comes twice
    del alive
    return sum(kept.values()) // 2


def _operations_per_second(device: "torch.device") -> float:
    import time

    import torch

    layer = torch.nn.Conv2d(64, 64, 3, padding=1, bias=False).to(device)
    images = torch.randn(8, 64, 28, 28, device=device)
    operations, done = 2 * 8 * 28 * 28 * 64 * 64 * 9, 0
    with torch.no_grad():
        layer(images)
        started = time.perf_counter()
        while time.perf_counter() - started < _SECONDS:
            layer(images).sum().item()
            done += 1
    return operations * done / (time.perf_counter() - started)


if __name__ == "__main__":
    _answer(sys.argv[1])
