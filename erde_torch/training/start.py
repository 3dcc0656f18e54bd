"""What a training starts from: random weights, a file's, or those that timm publishes."""

from pathlib import Path

from torch import Tensor

from erde_core.errors import ErdeError
from erde_torch.networks.build import build_network
from erde_torch.networks.multi_exit import MultiExitNetwork
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.state_dicts import differing, read_state_dict
from erde_torch.networks.weights import NetworkCard


def starting_network(card: NetworkCard, network: NetworkSettings) -> MultiExitNetwork:
    """The network of ``card`` with the weights that ``network`` says to start from.

    Raises:
        ValueError: the file is not there, cannot be read without running code that it holds, or
            its tensors, but for missing heads, are not the network's.
        OSError: published weights cannot be had.
    """
    if network.weights is None:
        return card.build()
    if network.weights == "pretrained":
        classes = len(card.class_names)
        return build_network(network, classes, card.image_shape, pretrained=True)
    if not Path(network.weights).is_file():
        raise ErdeError(f"weights must be a file or 'pretrained', got {network.weights!r}")
    built = card.build()
    built.load_state_dict(starting_tensors(built, Path(network.weights)), strict=False)
    return built


def starting_tensors(network: MultiExitNetwork, path: Path) -> dict[str, Tensor]:
    """By name, what the file ``path`` holds for ``network``, which may be on the meta device.

    Raises:
        ValueError: as :func:`starting_network`.
    """
    found, own = read_state_dict("weights", path), network.state_dict()
    left = {name for name in own if name.startswith("heads.") and name not in found}
    wrong = differing({name: t for name, t in own.items() if name not in left}, found)
    if wrong:
        raise ErdeError(f"weights must be those of the network, got in {path}: {wrong}")
    return found
