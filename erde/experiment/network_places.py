"""Where an experiment file says which network is trained."""

from collections.abc import Iterator

from erde.experiment.schema import Experiment
from erde_torch.networks.settings import NetworkSettings


def network_places(experiment: Experiment) -> Iterator[tuple[str, NetworkSettings]]:
    """The student's network and those of variants and cascades, each after its place."""
    yield "student.network", experiment.student.network
    for name, variant in experiment.variants.items():
        if isinstance(variant.network, NetworkSettings):
            yield f"variants.{name}.network", variant.network
        elif variant.network is not None:
            for index, member in enumerate(variant.network.members):
                yield f"variants.{name}.network.cascade.{index}", member


def place_of_network(experiment: Experiment, network: NetworkSettings) -> str:
    """The first place that says so."""
    return next(place for place, other in network_places(experiment) if other == network)
