"""A given teacher as a file of ours: what it is made of, and how it sees the data set's images.

``weights.safetensors`` in the teacher's folder. Of a teacher that was trained here that file is a
network's; both are read by :func:`read_teacher`.
"""

import hashlib
import importlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from safetensors.torch import save_file
from torch import Tensor, nn

from erde_core.store.files import StoreError, whole_file
from erde_core.store.seal import check_seal
from erde_torch.networks.weights import (
    FIRST_FORMAT,
    FORMAT,
    NetworkCard,
    card_from,
    read_network,
    read_tensors,
    seal,
)
from erde_torch.teachers.adapted import Adaptation
from erde_torch.teachers.settings import KINDS, SeenAs

GIVEN = "erde teacher 1"


@dataclass(frozen=True)
class TeacherFile:
    """What the file holds.

    Attributes:
        kind: a key of :data:`erde_torch.teachers.settings.KINDS`.
        card: of the data set that it teaches.
        adaptation: what stands between that data set and it.
        facts: what its kind needs to know, as plain data.
        tensors: what it is made of.
    """

    kind: str
    card: NetworkCard
    adaptation: Adaptation
    facts: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


def write_teacher(path: str | os.PathLike[str], file: TeacherFile) -> None:
    """Write it to ``path``, whole or not at all."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in file.tensors.items()}
    noted = {"kind": file.kind, "adaptation": asdict(file.adaptation), "facts": dict(file.facts)}
    metadata = {
        "format": GIVEN,
        "card": json.dumps(asdict(file.card)),
        "teacher": json.dumps(noted),
    }
    metadata["seal"] = seal(metadata, tensors)
    with whole_file(path) as temporary:
        save_file(tensors, temporary, metadata)


def file_hash(path: str | os.PathLike[str]) -> str:
    """SHA-256 of the file: of its weights, and of all that they do not show, as strides do not."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_teacher(path: str | os.PathLike[str], threads: int = 1) -> tuple[nn.Module, NetworkCard]:
    """The teacher in eval mode, on the CPU, and its card: trained here, or given.

    Args:
        path: of its file.
        threads: with which a graph is asked.

    Returns:
        A module with ``exit_count`` and, but for stored answers, raw logits ``(N, exits, C)`` of
        normalised images of the data set.

    Raises:
        StoreError: not there, not ours, or not what its seal says.
    """
    metadata, tensors = read_tensors(path, (FORMAT, FIRST_FORMAT, GIVEN))
    if metadata["format"] != GIVEN:
        return read_network(path)
    noted = metadata.pop("seal", "")
    check_seal(path, noted, seal(metadata, tensors))
    card = card_from(path, metadata.get("card", ""))
    try:
        said = json.loads(metadata["teacher"])
        file = TeacherFile(said["kind"], card, _adaptation(said), said["facts"], tensors)
        module = importlib.import_module(KINDS[file.kind].module)
    except (KeyError, ValueError, TypeError) as error:
        raise StoreError(f"{path}: not a readable teacher ({error})") from error
    network: nn.Module = module.load(file, threads)
    return network, card


def _adaptation(said: Mapping[str, Any]) -> Adaptation:
    """From JSON, which has no tuples."""
    fields = said["adaptation"]
    seen = {name: value and tuple(value) for name, value in fields["seen"].items()}
    order = fields["order"] and tuple(fields["order"])
    return Adaptation(SeenAs(**seen), order, fields["probabilities"])
