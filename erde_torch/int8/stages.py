"""The folder of a network's quantised stages, and the hash that names the network."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import onnx

from erde_core.errors import ErdeError
from erde_core.store.exit_logits import ExitLogits
from erde_core.store.int8 import int8_hash
from erde_core.store.manifest import network_files


def stages_hash(stages: Sequence[onnx.ModelProto]) -> str:
    """SHA-256 of an int8 network: of the hashes of its files, as the manifest computes it."""
    return int8_hash([hashlib.sha256(stage.SerializeToString()).hexdigest() for stage in stages])


def write_stages(folder: str | os.PathLike[str], stages: Sequence[onnx.ModelProto]) -> None:
    """Write ``stage0.onnx`` … into ``folder``, which must not be there yet or be empty."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, stage in zip(network_files(len(stages)), stages, strict=False):
        onnx.save(stage, folder / name)


def read_stages(folder: str | os.PathLike[str], exits: ExitLogits) -> list[onnx.ModelProto]:
    """The stages of which ``exits`` are the exit logits.

    Raises:
        ErdeError: the logits are not of an int8 network, or of another one.
        OSError: a file is missing or cannot be read.
    """
    if exits.precision != "int8":
        raise ErdeError(
            f"{folder}: exit logits of int8 stages must have the precision int8, "
            f"got {exits.precision}"
        )
    names = network_files(len(exits.macs))[:-1]
    contents = [(Path(folder) / name).read_bytes() for name in names]
    found = int8_hash([hashlib.sha256(content).hexdigest() for content in contents])
    if found != exits.network:
        raise ErdeError(
            f"{folder}: stages must be those of the exit logits, {exits.network[:12]}, "
            f"got {found[:12]}"
        )
    return [onnx.load_from_string(content) for content in contents]


def stage_bytes(stages: Sequence[onnx.ModelProto]) -> int:
    """Their size on disk."""
    return sum(stage.ByteSize() for stage in stages)
