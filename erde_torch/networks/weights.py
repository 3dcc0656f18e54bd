"""A trained network on disk: safetensors, with the architecture and its inputs in the metadata."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from erde_core.store.files import StoreError, whole_file
from erde_torch.networks.build import build_network
from erde_torch.networks.multi_exit import MultiExitNetwork
from erde_torch.networks.settings import NetworkSettings

FORMAT = "erde network 1"


@dataclass(frozen=True)
class NetworkCard:
    """What is needed to build a network and to feed it.

    Attributes:
        network: the fields of ``NetworkSettings``.
        image_shape: (channels, height, width).
        class_names: in label order.
        mean, std: per channel, for pixel values in 0 … 1.
        dataset: SHA-256 of the data set that it was trained on.
        precision: ``float32`` or ``bf16``, of the training.
    """

    network: dict[str, object]
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    dataset: str
    precision: str

    def build(self) -> MultiExitNetwork:
        """The network with fresh weights."""
        return build_network(
            NetworkSettings(**self.network), len(self.class_names), self.image_shape
        )


def write_network(path: str | os.PathLike, network: torch.nn.Module, card: NetworkCard) -> None:
    """Write weights and card to ``path``, whole or not at all."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in network.state_dict().items()}
    metadata = {"format": FORMAT, "card": json.dumps(asdict(card))}
    metadata["seal"] = seal(metadata, tensors)
    with whole_file(path) as temporary:
        save_file(tensors, temporary, metadata)


def read_network(path: str | os.PathLike) -> tuple[MultiExitNetwork, NetworkCard]:
    """The network in eval mode, on the CPU, and its card.

    Raises:
        StoreError: not there, not ours, or its content does not match its SHA-256.
    """
    if not Path(path).exists():
        raise StoreError(f"{path}: no such file (expected an erde network)")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise StoreError(f"{path}: must be an {FORMAT!r}, got {metadata.get('format')!r}")
            fields = json.loads(metadata["card"]).items()
            # JSON has no tuples, and a card has no lists.
            card = NetworkCard(**{k: tuple(v) if type(v) is list else v for k, v in fields})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise StoreError(f"{path}: not a readable erde network ({error})") from error
    noted, found = metadata.pop("seal", None), seal(metadata, tensors)
    if noted != found:
        raise StoreError(f"{path}: content must have SHA-256 {noted}, got {found}")
    network = card.build()
    network.load_state_dict(tensors)
    return network.eval(), card


def network_hash(network: torch.nn.Module) -> str:
    """SHA-256 of names and values of all weights and buffers."""
    return _add_tensors(hashlib.sha256(), network.state_dict())


def seal(metadata: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of the content of a safetensors file: ``metadata`` without the seal, and tensors."""
    return _add_tensors(hashlib.sha256(json.dumps(metadata, sort_keys=True).encode()), tensors)


def _add_tensors(digest: "hashlib._Hash", tensors: Mapping[str, Tensor]) -> str:
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
