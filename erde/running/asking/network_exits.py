"""How many exits a network has, also where only PyTorch can tell."""

from erde.running.asking.questions import Questions
from erde.running.asking.versions import installed_version
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.table import family_of

_SHAPE = (3, 224, 224)  # any that every model takes: the number does not depend on it


def exit_count(network: NetworkSettings, questions: Questions) -> int:
    """E.

    Raises:
        ValueError: there is no such network, or no such exit.
    """
    if network.exit_count is not None:
        return network.exit_count
    needs = family_of(network.name).needs
    versions = [version for version in map(installed_version, needs) if version]
    words = {"network": network.described(), "versions": versions}
    return int(questions.ask("exits", words))


def answer(network: dict[str, object], versions: list[str]) -> int:
    """E, in a process that may load PyTorch."""
    import torch

    from erde_torch.networks.build import build_network

    with torch.device("meta"):  # only its shape is wanted
        return build_network(NetworkSettings(**network), 2, _SHAPE).exit_count  # type: ignore[arg-type]  # JSON
