"""The arguments of the whole loss, checked; what is read of the teacher. The twin uses it too."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erde_core import checks
from erde_core.errors import ErdeError
from erde_core.loss.terms import Labels, Logits
from erde_core.settings import LossSettings


class Arguments(NamedTuple):
    """Attributes:
    student: ``(N, E, C)``.
    teacher: ``(N, E_t, C)``, or None where the settings need none, even if one was given.
    labels: ``(N,)``.
    class_weight: float64 ``(C,)`` or None.
    """

    student: Logits
    teacher: Logits | None
    labels: Labels
    class_weight: NDArray[np.float64] | None


def checked_arguments(
    student: ArrayLike,
    teacher: ArrayLike | None,
    labels: ArrayLike,
    settings: LossSettings,
    class_weight: ArrayLike | None = None,
) -> Arguments:
    """The arrays, checked against each other and the settings."""
    student = checks.float_array("student", student, ndim=3)
    samples, exits, classes = student.shape
    labels = checks.class_labels(labels, samples, classes)
    settings.check_classes(classes)
    settings.check_exits(exits)
    if class_weight is not None:
        class_weight = checks.class_weights("class_weight", class_weight, classes)
    if teacher is not None:
        teacher = checks.float_array("teacher", teacher, ndim=3)
        settings.check_teacher(teacher.shape, student.shape)
    elif settings.needs_teacher:
        raise ErdeError("teacher must be given for these settings, got None")
    return Arguments(student, teacher if settings.needs_teacher else None, labels, class_weight)
