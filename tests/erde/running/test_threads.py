"""Trainings that leave their threads open share the cores."""

import pytest

from erde.running.threads import student_threads, teacher_threads


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 2), (8, 8), (64, 8)])
def test_the_teacher_takes_the_machine_up_to_eight(cores, threads):
    assert teacher_threads(cores) == threads


@pytest.mark.parametrize(
    ("cores", "students", "threads"), [(8, 12, 1), (8, 8, 1), (8, 4, 2), (64, 12, 5), (8, 0, 8)]
)
def test_students_share_it(cores, students, threads):
    assert student_threads(cores, students) == threads
