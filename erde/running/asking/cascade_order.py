"""Whether cascades go from cheap to dear, as they pay; only PyTorch can tell what members cost."""

from collections.abc import Iterator

from erde.experiment.schema import Experiment
from erde.experiment.trainings import is_cascade
from erde.running.asking.questions import Questions
from erde.running.asking.step_memory import step_memory
from erde.running.asking.versions import installed_version
from erde.running.cluster.needs import facts_or_none


def cascade_remarks(experiment: Experiment, questions: Questions) -> Iterator[str]:
    """A sentence for each member that costs less than the one before it; none without PyTorch.

    Raises:
        ValueError: a member cannot be built for the images, or its cost cannot be counted.
    """
    facts = facts_or_none(experiment)
    if facts is None or not installed_version("torch"):
        return
    for name, variant in experiment.variants.items():
        if variant.network is None or not is_cascade(variant):
            continue
        members = variant.network.members
        steps, _ = step_memory(members, facts, "cpu", questions)
        for place in range(1, len(members)):
            before, own = (steps[one].image_operations for one in (place - 1, place))
            if own < before:
                yield (
                    f"variants.{name}.network.cascade.{place}: {members[place].name} costs "
                    f"{own / before:.2f} of the member before it: a cascade pays from cheap to dear"
                )
