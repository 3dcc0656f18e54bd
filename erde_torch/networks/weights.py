"""A trained network on disk: safetensors, with the architecture and its inputs in the metadata."""

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from erde_core.errors import ErdeError
from erde_core.images import ImageDataset
from erde_core.store.exit_logits import FLOAT32, MIXED
from erde_core.store.files import StoreError, whole_file
from erde_core.store.seal import check_seal
from erde_torch.networks.build import build_network
from erde_torch.networks.cascades.settings import network_settings
from erde_torch.networks.multi_exit import MultiExitNetwork
from erde_torch.networks.shapes_only import shapes_only

FORMAT, FIRST_FORMAT = "erde network 2", "erde network 1"
_PRECISIONS = (FLOAT32, "bf16", MIXED)
_SMALL_IMAGE = 512 * 512  # pixels; the features of such an image fit into any memory
Seal = Callable[[Mapping[str, str], Mapping[str, Tensor]], str]


@dataclass(frozen=True)
class NetworkCard:
    """What is needed to build a network and to feed it.

    Attributes:
        network: the fields of ``NetworkSettings`` or ``CascadeSettings``.
        image_shape: (channels, height, width).
        class_names: in label order.
        mean, std: per channel, for pixel values in 0 … 1.
        dataset: SHA-256 of the data set that it was trained on.
        precision: ``float32`` or ``bf16``, of the training; ``mixed`` of a cascade whose members
            were trained in both.
        threads: on the CPU, of the training; None where the file is older than that, or is that of
            a cascade whose members were trained with several numbers of them.
    """

    network: dict[str, object]
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    dataset: str
    precision: str
    threads: int | None = None

    def build(self) -> MultiExitNetwork:
        """The network with fresh weights."""
        network = network_settings(self.network)
        return build_network(network, len(self.class_names), self.image_shape)

    def check_data(self, dataset: ImageDataset, dataset_hash: str) -> None:
        """Hold the card to the data set that its network is about to see.

        Raises:
            ValueError: it was trained on another one, or says something else of it than it is.
        """
        if self.dataset != dataset_hash:
            raise ErdeError(
                f"the network must have been trained on data set {dataset_hash[:12]}, "
                f"got {self.dataset[:12]}"
            )
        true: dict[str, object] = {"image_shape": dataset.image_shape}
        true |= {name: getattr(dataset, name) for name in ("class_names", "mean", "std")}
        for name, value in true.items():
            if getattr(self, name) != value:
                raise ErdeError(
                    f"the network's card must have the {name} of its data set, {value}, "
                    f"got {getattr(self, name)}"
                )


def write_network(
    path: str | os.PathLike[str], network: torch.nn.Module, card: NetworkCard
) -> None:
    """Write weights and card to ``path``, whole or not at all."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in network.state_dict().items()}
    metadata = {"format": FORMAT, "card": json.dumps(asdict(card))}
    metadata["seal"] = seal(metadata, tensors)
    with whole_file(path) as temporary:
        save_file(tensors, temporary, metadata)


def read_network(path: str | os.PathLike[str]) -> tuple[MultiExitNetwork, NetworkCard]:
    """The network in eval mode, on the CPU, and its card.

    Raises:
        StoreError: not there, not ours, its content does not match its SHA-256, or its card
            describes another network than the tensors are.
    """
    metadata, tensors = read_tensors(path)
    noted = metadata.pop("seal", None)
    found = _SEALS[metadata["format"]](metadata, tensors)
    check_seal(path, str(noted), found)
    card = card_from(path, metadata.get("card", ""))
    if metadata["format"] == FIRST_FORMAT:  # which had this stem only, whatever the size
        card = replace(card, network={"stem": "small"} | card.network)
    network = _described(path, card, tensors)
    network.load_state_dict(tensors)
    return network.eval(), card


def network_hash(network: torch.nn.Module) -> str:
    """SHA-256 of names and values of all weights and buffers.

    And of whether a cascade averages: nothing is trained for either form, so that both have the
    same weights. All else that no tensor shows is there before a training, which tells it apart.
    """
    averages = b"average\n" if getattr(network, "average", False) else b""
    return _add_values(hashlib.sha256(averages), network.state_dict())


def seal(metadata: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of the content of a safetensors file.

    ``metadata`` without the seal; of every tensor name, dtype, shape and values.
    """
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"\n{json.dumps(name)} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(_bytes(tensor))
    return digest.hexdigest()


def _first_seal(metadata: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    return _add_values(hashlib.sha256(json.dumps(metadata, sort_keys=True).encode()), tensors)


# The seal of the first format does not cover dtypes and shapes. Such files stay readable all the
# same, because weights may be worth days of training. The seal covers the network on the card, and
# every reader compares the tensors with that network.
_SEALS: dict[str, Seal] = {FORMAT: seal, FIRST_FORMAT: _first_seal}


def _add_values(digest: "hashlib._Hash", tensors: Mapping[str, Tensor]) -> str:
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(_bytes(tensor))
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data  # as bytes: NumPy has no bfloat16


def read_tensors(
    path: str | os.PathLike[str], formats: Iterable[str] = (FORMAT, FIRST_FORMAT)
) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a file in one of ``formats``; its seal is for the caller to check.

    Raises:
        StoreError: not there, not readable, or in another format.
    """
    if not Path(path).exists():
        raise StoreError(f"{path}: no such file (expected an erde network)")
    if not Path(path).is_file():
        raise StoreError(f"{path}: not a readable erde network (it is no regular file)")
    try:
        with safe_open(path, "pt") as file:
            metadata = dict(file.metadata() or {})
            if metadata.get("format") not in tuple(formats):
                raise StoreError(f"{path}: must be an {FORMAT!r}, got {metadata.get('format')!r}")
            return metadata, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise StoreError(f"{path}: not a readable erde network ({error})") from error


def card_from(path: str | os.PathLike[str], text: str) -> NetworkCard:
    """The card that the metadata of the file ``path`` hold as ``text``.

    Raises:
        StoreError: it is none.
    """
    try:
        # JSON has no tuples, and a card has no lists.
        fields: dict[str, Any] = {
            name: tuple(value) if type(value) is list else value
            for name, value in json.loads(text).items()
        }
        card = NetworkCard(**fields)
        _check_card(card)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise StoreError(f"{path}: not a readable network card ({error})") from error
    return card


def _check_card(card: NetworkCard) -> None:
    shape, names = card.image_shape, card.class_names
    if type(card.network) is not dict:
        raise ErdeError(f"network must be a mapping of settings, got {card.network!r}")
    if not (type(shape) is tuple and len(shape) == 3 and all(type(n) is int for n in shape)):
        raise ErdeError(f"image_shape must be three whole numbers, got {shape}")
    if not (type(names) is tuple and names and all(type(name) is str for name in names)):
        raise ErdeError(f"class_names must be texts, got {names}")
    for name in ("mean", "std"):
        values = getattr(card, name)
        numbers = type(values) is tuple and all(type(v) in (int, float) for v in values)
        if not (numbers and len(values) == shape[0] and all(map(math.isfinite, values))):
            raise ErdeError(f"{name} must be {shape[0]} finite numbers, got {values}")
    if min(card.std) <= 0:
        raise ErdeError(f"std must be > 0, got {card.std}")
    if type(card.dataset) is not str or card.precision not in _PRECISIONS:
        raise ErdeError(
            f"dataset must be a text and precision one of {_PRECISIONS}, got {card.dataset!r} and "
            f"{card.precision!r}"
        )
    if card.threads is not None and (type(card.threads) is not int or card.threads < 1):
        raise ErdeError(f"threads must be a whole number >= 1, got {card.threads!r}")


def _described(
    path: str | os.PathLike[str], card: NetworkCard, tensors: Mapping[str, Tensor]
) -> MultiExitNetwork:
    """The network on the card, if the tensors are its: names, shapes and dtypes."""
    # A card may claim an image that no memory holds. Shapes alone would always do, but PyTorch
    # computes them by importing its compiler, which takes seconds.
    large = math.prod(card.image_shape[1:]) > _SMALL_IMAGE
    try:
        with shapes_only() if large else contextlib.nullcontext():
            network = card.build()
    except Exception as error:  # settings, PyTorch and arithmetic each object in their own way
        raise StoreError(f"{path}: its card describes no network ({error})") from error
    wanted = network.state_dict()
    for name in sorted(wanted.keys() | tensors.keys()):
        described, found = _kind(wanted.get(name)), _kind(tensors.get(name))
        if described != found:
            raise StoreError(
                f"{path}: {name} must be {described}, as in the network on its card, got {found}"
            )
    return card.build() if large else network


def _kind(tensor: Tensor | None) -> str:
    return "absent" if tensor is None else f"{tensor.dtype} of shape {tuple(tensor.shape)}"
