"""What ``erde predict --watch`` says: whether these images are still like those of validation."""

import random
from collections.abc import Sequence

from erde.deployment.predict import Answer
from erde.deployment.terminal import say
from erde_core.watch import ALARM, Watch

ALARMED = 3  # exit status


def stream_order(answers: Sequence[Answer]) -> list[Answer]:
    """By name, as a camera writes them; of several folders (classes) in an order drawn with a fixed
    seed, since images sorted by class are no stream."""
    ordered = list(answers)
    if len({answer.file.parent for answer in answers}) > 1:
        random.Random(0).shuffle(ordered)
    return ordered


def watch_answers(watch: Watch, answers: Sequence[Answer]) -> bool:
    """Hold the answers against validation, say what came of it; whether there is an alarm."""
    ordered = stream_order(answers)
    watch.update(answer.unsure for answer in ordered)
    if watch.alarm is None:
        say(
            f"watch: no alarm in {watch.images} images; evidence of a change at most "
            f"{watch.highest:.1f} (alarm at {ALARM:g})"
        )
        return False
    file = ordered[watch.alarm - 1].file.name
    say(
        f"watch: ALARM at image {watch.alarm} of {watch.images}, {file}: these images are "
        f"not like those of validation, so that neither θ nor its certificate holds for them"
    )
    return True
