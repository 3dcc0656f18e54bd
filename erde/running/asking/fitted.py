"""An experiment held to what only PyTorch or ONNX can tell of its networks and its teacher."""

from erde.experiment.exit_counts import ExitCounts
from erde.experiment.network_places import network_places
from erde.experiment.schema import Experiment
from erde.running.asking.network_exits import exit_count
from erde.running.asking.questions import Questions
from erde.running.asking.teacher_facts import teacher_facts
from erde_core.errors import ErdeError
from erde_torch.networks.settings import NetworkSettings
from erde_torch.teachers.facts import Facts


def fitted(experiment: Experiment, questions: Questions) -> tuple[Experiment, Facts | None]:
    """The experiment for its networks' numbers of exits, and what is known of a given teacher.

    Raises:
        ValueError: a network, an exit or a teacher does not exist, or does not fit; one sentence
            that begins with the place in the file.
    """
    asked = {
        network: _exits(place, network, questions) for place, network in network_places(experiment)
    }
    trained = experiment.trained_teacher
    if trained is not None:
        taught = _exits("teacher.network", trained.network, questions)
        return experiment.with_exits(ExitCounts(taught, asked)), None
    try:
        facts = teacher_facts(experiment, questions)
    except ErdeError as error:
        raise ErdeError(f"teacher.{error}") from None
    counts = ExitCounts(None if facts is None else facts.exits, asked)
    return experiment.with_exits(counts), facts


def _exits(place: str, network: NetworkSettings, questions: Questions) -> int:
    try:
        return exit_count(network, questions)
    except ErdeError as error:
        raise ErdeError(f"{place}.{error}") from None
