"""An experiment held to what only PyTorch or ONNX can tell of its networks and its teacher."""

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
    student = _exits("student", experiment.student.network, questions)
    trained = experiment.trained_teacher
    if trained is not None:
        return experiment.with_exits(student, _exits("teacher", trained.network, questions)), None
    try:
        facts = teacher_facts(experiment, questions)
    except ErdeError as error:
        raise ErdeError(f"teacher.{error}") from None
    return experiment.with_exits(student, None if facts is None else facts.exits), facts


def _exits(part: str, network: NetworkSettings, questions: Questions) -> int:
    try:
        return exit_count(network, questions)
    except ErdeError as error:
        raise ErdeError(f"{part}.network.{error}") from None
