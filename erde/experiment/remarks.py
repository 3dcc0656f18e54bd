"""What is allowed in an experiment file, and worth a word before its trainings begin."""

import dataclasses
from collections.abc import Iterator

from erde.datasets.source import Facts
from erde.experiment.schema import Experiment
from erde.experiment.trainings import trainings_of
from erde_torch.networks.settings import NetworkSettings, exit_places
from erde_torch.networks.table import family_of


def remarks(experiment: Experiment, facts: Facts | None) -> Iterator[str]:
    """One sentence each; ``facts`` of the images, where they are known, decide what ``auto`` is."""
    yield from _untaught(experiment)
    yield from _shared_seeds(experiment, facts)


def _untaught(experiment: Experiment) -> Iterator[str]:
    """Exits that nothing teaches, and where images may leave all the same."""
    for name, variant in experiment.variants.items():
        taught: list[bool] = []
        for training in trainings_of(variant, experiment.student, experiment.exits):
            exits = experiment.exits.of(training.network)
            if exits is None:  # nobody has asked
                break
            taught += training.loss.exits_that_learn(exits)
        untaught = [str(e) for e, learns in enumerate(taught) if not learns]
        if untaught:
            yield (
                f"variants.{name}: no term teaches exit {', '.join(untaught)}: images that leave "
                "there get the answers of a head that has not learnt"
            )


def _shared_seeds(experiment: Experiment, facts: Facts | None) -> Iterator[str]:
    """Students that are drawn as a teacher was: the same network, from the same seed."""
    teacher = experiment.trained_teacher
    if teacher is None or teacher.network.weights is not None:
        return
    folds = range(teacher.folds) if teacher.folds > 1 else ()
    drawn = {teacher.seed, *(teacher.seed + 1 + fold for fold in folds)}
    shared = sorted(drawn.intersection(experiment.seeds))
    own = _drawn_from(teacher.network, facts)
    same = [
        name
        for name, variant in experiment.variants.items()
        for network in (variant.network or experiment.student.network).members
        if _drawn_from(network, facts) == own
    ]
    if shared and same:
        seeds = ", ".join(map(str, shared))
        yield (
            f"seeds: {seeds} also draws a teacher of the same network as that of "
            f"{', '.join(dict.fromkeys(same))}: such a student starts from that teacher's first "
            "weights and takes batches by the same draw; another teacher.seed sets them apart"
        )


def _drawn_from(network: NetworkSettings, facts: Facts | None) -> tuple[object, ...]:
    """All that first weights depend on beside the seed; equal where they are equal."""
    blocks = family_of(network.name).blocks.get(network.name)
    exits = exit_places(network.name, network.exits, blocks) if blocks else network.exits
    if facts is not None:
        network = network.resolved((facts.channels, facts.height, facts.width))
    return exits, dataclasses.replace(network, exits=None, head_dropout=0.0)
