"""A teacher out of a file of weights: a finished network of ours, or a plain classifier."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from erde_core.errors import ErdeError
from erde_torch.networks.build import build_network
from erde_torch.networks.cascades.settings import network_settings
from erde_torch.networks.multi_exit import MultiExitNetwork
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.state_dicts import differing, read_state_dict
from erde_torch.networks.table import TIMM, family_of
from erde_torch.networks.weights import FIRST_FORMAT, FORMAT, NetworkCard, read_network
from erde_torch.teachers.adapted import Adaptation, adapted
from erde_torch.teachers.classes import order_of
from erde_torch.teachers.facts import Data, Facts
from erde_torch.teachers.file import TeacherFile
from erde_torch.teachers.plain_timm import WHOLE, plain_timm
from erde_torch.teachers.settings import SeenAs, WeightsTeacher
from erde_torch.teachers.torchvision_names import (
    is_plain_resnet,
    their_name,
    untranslated,
    with_counters,
)

Shape = tuple[int, int, int]


def look(teacher: WeightsTeacher, data: Data) -> Facts:
    """What a plan must know of it.

    Raises:
        What :func:`open_weights` and :func:`erde_torch.teachers.classes.order_of` raise.
    """
    opened = open_weights(teacher, data.image_shape, data.classes)
    if data.class_names is not None:
        order_of(teacher.classes, opened.class_names, data.class_names)
    exits = opened.described.build().exit_count
    return Facts(exits=exits, counted=True)


def bring(teacher: WeightsTeacher, card: NetworkCard) -> tuple[TeacherFile, Facts]:
    """The teacher, as it is asked from now on; ``card`` is of the data set that it is to teach.

    Raises:
        What :func:`look` raises.
    """
    opened = open_weights(teacher, card.image_shape, len(card.class_names))
    order = order_of(teacher.classes, opened.class_names, card.class_names)
    described = opened.described
    facts = {
        "network": described.network.described(),
        "whole": described.whole,
        "image_shape": described.image_shape,
    }
    named = replace(card, network=described.network.described())
    adaptation = Adaptation(opened.seen, order)
    file = TeacherFile("trained", named, adaptation, facts, opened.tensors)
    return file, Facts(exits=described.build().exit_count, counted=True)


def load(file: TeacherFile, threads: int) -> MultiExitNetwork:
    """The network of a file that :func:`bring` made, in eval mode on the CPU."""
    fields: dict[str, Any] = file.facts["network"]
    channels, height, width = file.facts["image_shape"]
    classes = len(file.card.class_names)
    shape = (channels, height, width)
    network = Described(NetworkSettings(**fields), file.facts["whole"], classes, shape).build()
    network.load_state_dict(file.tensors)
    return adapted(network.eval(), file.adaptation, file.card)


@dataclass(frozen=True)
class Described:
    """How a network is built, without its weights.

    Attributes:
        network: its settings.
        whole: whether it is the whole model of timm, with one exit, and not cut at its stages.
        classes: C.
        image_shape: (channels, height, width) of what it is given.
    """

    network: NetworkSettings
    whole: bool
    classes: int
    image_shape: Shape

    def build(self) -> MultiExitNetwork:
        """With fresh weights."""
        if self.whole:
            return plain_timm(self.network.name, self.classes, self.image_shape)
        return build_network(self.network, self.classes, self.image_shape)


@dataclass(frozen=True)
class Opened:
    """A file of weights that is the network that it is said to be.

    Attributes:
        described: the network.
        tensors: its state, by our names.
        seen: how it sees images.
        class_names: in its order, where the file says so.
    """

    described: Described
    tensors: dict[str, Tensor]
    seen: SeenAs
    class_names: tuple[str, ...] | None = None


def open_weights(teacher: WeightsTeacher, image_shape: Shape, classes: int) -> Opened:
    """Read the file, and hold it to the network that it is said to be.

    Args:
        teacher: file, network, and how it sees images.
        image_shape: (channels, height, width) of the data set.
        classes: of the data set.

    Raises:
        ValueError: the file cannot be read without running code that it holds, or it is of another
            network (the first three tensors that differ), or of other classes, or ``mean`` of
            other channels.
    """
    path = Path(teacher.trained)
    if _is_ours(path):
        return _ours(teacher, path, image_shape[0], classes)
    teacher.seen.check_channels(image_shape[0])
    found = read_state_dict("trained", path)
    height, width = teacher.seen.image_size or image_shape[1:]
    shape = (image_shape[0], height, width)
    network = teacher.network
    if any(name.startswith("heads.") for name in found):
        one = not any(name.startswith("heads.1.") for name in found)
        network = replace(network, exits=()) if one else network
        described = Described(network, False, classes, shape)
        return Opened(described, _held_to(described, found, path), teacher.seen)
    if network.name.startswith(TIMM):
        described = Described(network, True, classes, shape)
        tensors = _held_to(described, found, path, lambda ours: ours.removeprefix(WHOLE))
        return Opened(described, tensors, teacher.seen)
    if is_plain_resnet(found) and "resnet10" in family_of(network.name).blocks:
        described = Described(_stemmed(network, found), False, classes, shape)
        blocks = family_of(network.name).blocks[network.name]
        tensors = _held_to(described, found, path, lambda ours: their_name(ours, blocks))
        return Opened(described, tensors, teacher.seen)
    other = untranslated(found)
    if other is not None:
        raise ErdeError(
            f"trained must name its tensors as {network.name} here does, got torchvision's names "
            f"of {other} ({next(iter(found))}, …) in {path}, and those of its ResNets alone are "
            "translated: export that model as ONNX (teacher.onnx), or train timm's"
        )
    described = Described(replace(network, exits=()), False, classes, shape)
    return Opened(described, _held_to(described, found, path), teacher.seen)


def _is_ours(path: Path) -> bool:
    if path.suffix != ".safetensors" or not path.is_file():
        return False
    try:
        with safe_open(path, "pt") as file:
            return (file.metadata() or {}).get("format") in (FORMAT, FIRST_FORMAT)
    except (SafetensorError, OSError):
        return False  # whoever reads it says what is wrong


def _ours(teacher: WeightsTeacher, path: Path, channels: int, classes: int) -> Opened:
    for key in ("classes", "mean", "image_size"):
        if getattr(teacher, key) is not None:
            raise ErdeError(
                f"{key} must be left out for {path}, whose card says it, "
                f"got {getattr(teacher, key)!r}"
            )
    network, card = read_network(path)
    _check_classes(path, len(card.class_names), classes)
    if card.image_shape[0] != channels:
        raise ErdeError(
            f"trained must take images with {channels} channels like the data set's, "
            f"got {card.image_shape[0]} in {path}"
        )
    described = Described(teacher.network, False, classes, card.image_shape)
    tensors = _held_to(described, network.state_dict(), path)
    _check_card(teacher.network, card, network.exit_count, path)
    size = card.image_shape[1:]
    seen = SeenAs(mean=card.mean, std=card.std, image_size=(size[0], size[1]))
    return Opened(described, tensors, seen, card.class_names)


def _check_card(said: NetworkSettings, card: NetworkCard, exits: int, path: Path) -> None:
    """Hold to the card what no tensor shows: a stride, a pooling, another model of the same shapes.

    Width and exits show in names and shapes, and dropout is off in a teacher.
    """
    true, found = network_settings(card.network).members[0], said.resolved(card.image_shape)
    true = true.resolved(card.image_shape)
    early = ("head", "head_pool") if exits > 1 else ()
    for key in ("name", "stem", *early):
        wanted, got = getattr(true, key), getattr(found, key)
        if wanted != got:
            height, width = card.image_shape[1:]
            auto = f" (auto at {height} × {width})" if getattr(said, key) == "auto" else ""
            raise ErdeError(
                f"network.{key} must be {wanted!r}, as the card of {path} says, got {got!r}{auto}"
            )


def _held_to(
    described: Described,
    found: Mapping[str, Tensor],
    path: Path,
    theirs: Callable[[str], str] = lambda ours: ours,
) -> dict[str, Tensor]:
    """The tensors by our names, of which ``theirs`` makes those in the file; errors say those."""
    own = described.build().state_dict()
    wanted = {theirs(name): tensor for name, tensor in own.items()}
    whole = with_counters(found, wanted)
    _check(wanted, whole, described, path)
    return {name: whole[theirs(name)] for name in own}


def _check(
    wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], described: Described, path: Path
) -> None:
    wrong = differing(wanted, found)
    if not wrong:
        return
    name, classes = described.network.name, described.classes
    last = [n for n, t in wanted.items() if n not in found or t.shape != found[n].shape]
    others = {found[n].shape[0] for n in last if _is_last(n, wanted, found, classes)}
    if len(others) == 1 and all(_is_last(n, wanted, found, classes) for n in last):
        _check_classes(path, others.pop(), classes)
    raise ErdeError(f"trained must hold the weights of {name}, got in {path}: {wrong}")


def _is_last(
    name: str, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], classes: int
) -> bool:
    """Whether a tensor is of a layer that gives the classes, and differs in their number alone."""
    if name not in found or not found[name].ndim:
        return False
    own, other = wanted[name].shape, found[name].shape
    return own[0] == classes and own[1:] == other[1:]


def _check_classes(path: Path, found: int, classes: int) -> None:
    if found != classes:
        raise ErdeError(
            f"trained must have {classes} classes like the data set, got {found} in {path}"
        )


def _stemmed(network: NetworkSettings, found: Mapping[str, Tensor]) -> NetworkSettings:
    """With one exit; a stem that is ``auto`` is the one that the file has."""
    kernel = found["conv1.weight"].shape[-1]
    stem = network.stem if network.stem != "auto" else "imagenet" if kernel == 7 else "small"
    return replace(network, exits=(), stem=stem)
