"""Numbers of exits that do not fit are refused by the experiment file, not by a training."""

import pytest

from erde.experiment.errors import ExperimentError
from erde.experiment.schema import parse_experiment

THREE, FOUR = {"name": "wrn16_1"}, {"name": "resnet18"}
LAST = {"target_from": "last", "right_from": "last"}


def parsed(student, teacher, **variant):
    part = {"train": {"epochs": 1}}
    keys = {
        "dataset": {"name": "digits"},
        "teacher": part | {"network": teacher},
        "student": part | {"network": student},
        "seeds": [0],
        "variants": {"mine": variant},
    }
    return parse_experiment(keys, "x.yaml").variants["mine"].loss


@pytest.mark.parametrize("exits", [1, 2, 3])
def test_one_weight_for_each_exit_that_the_student_has(exits):
    network, weights = THREE | {"exits": list(range(3 - exits, 3))}, [1.0] * exits
    assert len(parsed(network, network, method="erde", exit_weights=weights).exit_weights) == exits
    message = rf"^x.yaml: variants.mine: exit_weights must have one number per exit \({exits}\)"
    with pytest.raises(ExperimentError, match=message):
        parsed(network, network, method="erde", exit_weights=[1.0] * 4)


@pytest.mark.parametrize("method", ["kd", "masked_kd", "erde", "dkd"])
@pytest.mark.parametrize("parts", [(THREE, FOUR), (FOUR, THREE)])
def test_other_exits_than_the_teachers_need_its_last(method, parts):
    message = r"^x.yaml: variants.mine: target_from and right_from must be 'last' .*, got "
    with pytest.raises(ExperimentError, match=message):
        parsed(*parts, method=method)
    assert parsed(*parts, method=method, **LAST).target_from == "last"


def test_what_reads_no_exit_of_the_teacher_asks_nothing():
    assert parsed(THREE, FOUR, method="ce").kd_weight == 0
    assert parsed(THREE, FOUR, method="kd", target_from="last").kd_weight == 1
