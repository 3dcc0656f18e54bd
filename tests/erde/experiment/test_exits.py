"""Numbers of exits that do not fit are refused by the experiment file, not by a training."""

import pytest

from erde.experiment.errors import ExperimentError
from erde.experiment.schema import parse_experiment
from erde_core.settings import method_settings

THREE, FOUR = {"name": "wrn16_1"}, {"name": "resnet18"}
ONE = THREE | {"exits": []}
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
def test_other_exits_than_the_teachers_hear_its_last(method, parts):
    found = parsed(*parts, method=method)
    assert found == method_settings(method, **LAST)
    assert found == parsed(*parts, method=method, **LAST)


@pytest.mark.parametrize("method", ["kd", "erde"])
def test_equal_exits_hear_their_own(method):
    assert parsed(THREE, THREE, method=method) == method_settings(method)


@pytest.mark.parametrize("key", ["target_from", "right_from"])
def test_an_exit_that_is_asked_for_must_be_there(key):
    message = r"^x.yaml: variants.mine: target_from and right_from must be 'last' .*, got 3 and 4$"
    with pytest.raises(ExperimentError, match=message):
        parsed(THREE, FOUR, method="erde", **{key: "exit"})


def test_an_exit_that_no_term_reads_may_be_asked_for():
    assert parsed(THREE, FOUR, method="kd", right_from="exit").target_from == "last"
    assert parsed(THREE, FOUR, method="ce", right_from="exit") is not None


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"kd_exits": "late"}, "kd_exits 'late'"),
        ({"entropy_exits": "early"}, "entropy_exits 'early'"),
        ({"self_weight": 0.5}, "self_weight 0.5"),
    ],
)
def test_a_network_with_one_exit_has_none_for_a_setting_of_several(setting, said):
    message = f"variants.mine: {said} needs at least 2 exits, got 1$"
    with pytest.raises(ExperimentError, match=message):
        parsed(ONE, FOUR, method="erde", **setting)
    (name,) = setting
    assert getattr(parsed(THREE, FOUR, method="erde", **setting), name) == setting[name]


def test_what_reads_no_exit_of_the_teacher_asks_nothing():
    assert parsed(THREE, FOUR, method="ce") == method_settings("ce")
    assert parsed(THREE, FOUR, method="kd", target_from="last").kd_weight == 1
