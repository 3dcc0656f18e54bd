"""What is allowed and worth a word: exits that nobody teaches, seeds that a teacher has too."""

import pytest

from erde.datasets.source import Facts
from erde.experiment.remarks import remarks
from tests.erde.experiment.test_trainings import DEAR, EARLY, kd, parsed_with

SMALL = Facts(train=10, val=10, test=10, height=32, width=32, channels=3, classes=10)
EPOCH = {"train": {"epochs": 1}}
SAME = EPOCH | {"network": EARLY}


def said(facts=SMALL, variants=None, **parts):
    return list(remarks(parsed_with(parts, **(variants or {})), facts))


def test_exits_that_nobody_teaches_are_named():
    untaught = {"z": {"method": "kd", "exit_weights": [0, 1, 0, 1]}}
    (sentence,) = said(variants=untaught)
    assert sentence.startswith("variants.z: no term teaches exit 0, 2: images that leave there")
    assert said() == []


def test_exits_of_a_cascade_count_through_its_members():
    (sentence,) = said(variants={"both": kd(DEAR, EARLY, exit_weights=[1, 0, 1, 1, 1])})
    assert sentence.startswith("variants.both: no term teaches exit 1: ")


@pytest.mark.parametrize(
    "teacher",
    [
        SAME,
        EPOCH | {"network": EARLY | {"stem": "small", "exits": [0, 1, 2, 3], "head_dropout": 0.1}},
    ],
)
def test_a_student_that_starts_as_the_teacher_did_is_said(teacher):
    (sentence,) = said(teacher=teacher, student=SAME)
    assert sentence.startswith("seeds: 0 also draws a teacher of the same network as that of kd: ")
    assert sentence.endswith("another teacher.seed sets them apart")
    assert said(teacher=teacher | {"seed": 1}, student=SAME) == []


def test_teachers_of_folds_have_seeds_of_their_own():
    teacher = SAME | {"seed": 3, "folds": 2}
    (sentence,) = said(teacher=teacher, student=SAME, seeds=[0, 4, 5, 6])
    assert sentence.startswith("seeds: 4, 5 also draws")


@pytest.mark.parametrize(
    "change", [{"width": 0.5}, {"stem": "imagenet"}, {"exits": [0, 1]}, {"head": "conv"}]
)
def test_another_network_starts_elsewhere(change):
    assert said(teacher=EPOCH | {"network": EARLY | change}, student=SAME) == []


def test_a_member_may_be_the_teachers_network_too():
    teacher = EPOCH | {"network": DEAR}
    (sentence,) = said(teacher=teacher, variants={"both": kd(DEAR, EARLY), "one": kd(DEAR)})
    assert sentence.startswith(
        "seeds: 0 also draws a teacher of the same network as that of both, one"
    )
