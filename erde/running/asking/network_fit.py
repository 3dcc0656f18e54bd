"""Whether networks take the images, and files of weights fit the networks that start from them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from erde.experiment.network_places import network_places
from erde.experiment.schema import Experiment
from erde.experiment.unread import check_usual
from erde.running.asking.image_shape import image_shape
from erde.running.asking.questions import Questions
from erde.running.asking.versions import installed_version
from erde.running.cluster.needs import facts_or_none
from erde_core.errors import ErdeError
from erde_torch.networks.settings import NetworkSettings, exit_places
from erde_torch.networks.table import family_of

Placed = tuple[str, NetworkSettings]
_MAP_KEYS = ("head", "head_pool")  # read where an early exit stands behind feature maps


def check_networks(experiment: Experiment, questions: Questions) -> None:
    """Hold the networks that are trained to the images, and to the files that they start from.

    Raises:
        ValueError: one does not fit; one sentence that begins with the place in the file. Nothing
            is said while the images cannot be read.
    """
    trained = experiment.trained_teacher
    placed = [("teacher.network", trained.network)] if trained is not None else []
    for place, network in network_places(experiment):
        if place != "student.network" or any(not v.network for v in experiment.variants.values()):
            placed.append((place, network))
    check_placed(experiment, placed, questions)


def check_placed(experiment: Experiment, placed: Sequence[Placed], questions: Questions) -> None:
    """The same for networks whose place in the file is known.

    PyTorch is asked, in one process for all, where neither table nor file can tell.
    """
    hashes = [_start_hash(place, network) for place, network in placed]
    facts = facts_or_none(experiment)
    if facts is None:
        return
    asked = [
        {"place": place, "network": network.described(), "weights": start and network.weights}
        | {"sha256": start}
        for (place, network), start in zip(placed, hashes, strict=True)
        if start or not _surely_fits(network, (facts.height, facts.width))
    ]
    shape = image_shape(experiment) if asked else None
    if shape is None:
        return
    needs = _needs(network for _, network in placed)
    versions = [version for version in map(installed_version, needs) if version]
    words = {"networks": asked, "classes": facts.classes, "shape": shape, "versions": versions}
    questions.ask("network_fit", words)


def answer(
    networks: list[dict[str, Any]], classes: int, shape: list[int], versions: list[str]
) -> bool:
    """True where all fit, in a process that may load PyTorch.

    The versions and hashes only tell one question from another.
    """
    from erde_torch.networks.build import build_network
    from erde_torch.networks.heads import MeanToken
    from erde_torch.networks.shapes_only import shapes_only
    from erde_torch.training.start import starting_tensors

    channels, height, width = shape
    for one in networks:
        place, network = one["place"], NetworkSettings(**one["network"])
        try:
            with shapes_only():
                built = build_network(network, classes, (channels, height, width))
        except ErdeError as error:
            raise ErdeError(f"{place}: {error}") from None
        if any(isinstance(module, MeanToken) for module in built.heads.modules()):
            check_usual(place, network, _MAP_KEYS, f"{network.name} gives tokens")
        if one["weights"] is not None:
            try:
                starting_tensors(built, Path(one["weights"]))
            except ErdeError as error:
                raise ErdeError(f"{place}.{error}") from None
    return True


def _start_hash(place: str, network: NetworkSettings) -> str | None:
    try:
        return network.start_hash()
    except ErdeError as error:
        raise ErdeError(f"{place}.{error}") from None


def _surely_fits(network: NetworkSettings, sides: tuple[int, int]) -> bool:
    """Whether the table says that every early exit is left with 2×2 pixels, all it asks for."""
    family = family_of(network.name)
    blocks = family.blocks.get(network.name)
    stem = network.resolved((1, *sides)).stem
    if blocks is None or stem not in family.shrinks or network.head != "linear":
        return False
    early = exit_places(network.name, network.exits, blocks)[:-1]
    return all(min(sides) > family.shrinks[stem][stage] for stage, _ in early)


def _needs(networks: Iterable[NetworkSettings]) -> list[str]:
    return sorted({need for network in networks for need in family_of(network.name).needs})
