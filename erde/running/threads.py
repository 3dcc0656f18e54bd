"""CPU threads of trainings that leave them open: shared out of the cores of this machine.

They depend on the experiment and on the cores alone, never on what is already trained: the same
command gives every training the same number. Imports no torch.
"""

_MOST = 8  # more are of little use to a batch of small images


def teacher_threads(cores: int) -> int:
    """Of the teacher, which is trained alone."""
    return min(_MOST, max(1, cores))


def student_threads(cores: int, students: int) -> int:
    """Of each of so many students, which are trained side by side."""
    return max(1, cores // max(1, students))
