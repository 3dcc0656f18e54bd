"""What a variant sets and nothing reads is refused: it would be trained twice to the same bits."""

import dataclasses

import numpy as np
import pytest

from erde.experiment.errors import ExperimentError
from erde.experiment.schema import parse_experiment
from erde.experiment.unread import READ_WHERE
from erde_core.loss.whole import erde_loss
from erde_core.settings import METHODS, LossSettings, method_settings

PLAIN = {"name": "resnet10", "width": 0.1, "exits": []}
EXITS = {"name": "resnet10", "width": 0.1}
# Another value than the default of every field that some losses do not read.
OTHER = {
    "temperature": 2.0,
    "kd_mask": "all",
    "kd_exits": "late",
    "ce_mask": "right",
    "entropy_exits": "early",
    "entropy_scale": "log_c",
    "right_from": "last",
    "target_from": "last",
    "standardise": True,
    "decoupled": (1.0, 2.0),
}
LOSSES = [
    *map(method_settings, METHODS),
    LossSettings(kd_weight=0, entropy_weight=0, self_weight=1),
    LossSettings(kd_weight=0, ce_weight=0),
    LossSettings(kd_weight=0, entropy_weight=0, ce_mask="right"),
    LossSettings(ce_weight=0, entropy_weight=0),
]


def parsed(student=EXITS, teacher=EXITS, **variants):
    train = {"train": {"epochs": 2}}
    keys = {"dataset": {"name": "digits"}, "seeds": [0], "variants": variants}
    keys |= {"teacher": train | {"network": teacher}, "student": train | {"network": student}}
    return parse_experiment(keys, "x.yaml")


def refused(said, **keys):
    with pytest.raises(ExperimentError) as caught:
        parsed(**keys)
    assert str(caught.value) == f"x.yaml: {said}"


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("key", READ_WHERE)
def test_a_field_is_called_unread_where_it_changes_no_loss(key, loss):
    """Against the reference itself, on rows where the teacher is right at one exit alone."""
    random = np.random.default_rng(0)
    student, teacher = random.normal(size=(2, 6, 3, 4))
    labels = teacher[:, 0].argmax(1)
    value = OTHER[key] if getattr(loss, key) != OTHER[key] else LossSettings().__dict__[key]
    other = dataclasses.replace(loss, **{key: value})
    found, changed = (erde_loss(student, teacher, labels, one) for one in (loss, other))
    read = READ_WHERE[key][0]
    assert (read(loss) or read(other)) == (not np.array_equal(found, changed))


def test_every_field_stands_in_the_table_or_weighs_a_term():
    fields = {field.name for field in dataclasses.fields(LossSettings)}
    assert fields - READ_WHERE.keys() == {name for name in fields if "weight" in name}


def test_what_is_not_read_must_be_left_out():
    nothing = "nothing reads it, got"
    refused(
        f"variants.ct-temperature-1.temperature must be left out where kd_weight and self_weight "
        f"are 0: {nothing} 1.0",
        ct={"method": "ce", "temperature": [1, 2]},
    )
    refused(
        f"variants.ct.kd_mask must be left out where kd_weight is 0: {nothing} 'all'",
        ct={"method": "ce", "entropy_scale": "log_c", "kd_mask": "all", "standardise": True},
    )
    refused(
        f"variants.kd.entropy_scale must be left out where entropy_weight is 0: {nothing} 'log_c'",
        kd={"method": "kd", "entropy_scale": "log_c"},
    )
    refused(
        f"variants.ce.teacher must be left out where no term needs the teacher: {nothing} 'online'",
        ce={"method": "ce", "teacher": "online"},
    )
    refused(
        "variants.kd.train.class_weights must be left out where ce_weight is 0: no term reads it, "
        "got 'balanced'",
        kd={"method": "kd", "ce_weight": 0, "train": {"class_weights": "balanced"}},
    )


def test_what_a_method_sets_itself_is_nobodys_fault():
    assert parsed(ls={"method": "kd_ls", "kd_weight": 0}).variants["ls"].loss.standardise
    assert parsed(own={"method": "ce", "self_weight": 1, "temperature": 2})


def test_a_value_of_a_list_may_switch_off_a_term():
    scaled = {"method": "erde", "entropy_weight": [0, 0.3], "entropy_scale": "log_c"}
    assert [v.loss.entropy_weight for v in parsed(erde=scaled).variants.values()] == [0, 0.3]
    refused(
        "variants.erde-entropy_weight-0-entropy_scale-nats.entropy_scale must be left out where "
        "entropy_weight is 0: nothing reads it, got 'nats'",
        erde=scaled | {"entropy_scale": ["nats", "log_c"]},
    )


def test_whose_answer_decides_is_told_by_the_audit_but_makes_no_other_student():
    last = parsed(kd={"method": "kd", "right_from": "last"}).taught_by()
    assert last == {"kd": [-1] * 4}
    refused(
        "variants.kd-right_from-exit.right_from must be left out where no term asks if the teacher "
        "is right: nothing reads it, got 'exit'",
        kd={"method": "kd", "right_from": ["exit", "last"]},
    )


@pytest.mark.parametrize(
    ("key", "value"), [("head", "conv"), ("head_pool", "avg2"), ("head_dropout", 0.1)]
)
def test_a_network_of_one_exit_has_no_early_head(key, value):
    said = f"{key} must be left out where there is no early exit: nothing reads it, got {value!r}"
    kd = {"method": "kd"}
    own = PLAIN | {key: value}
    assert parsed(own=kd | {"network": EXITS | {key: value}})
    refused(f"variants.own.network.{said}", kd=kd, own=kd | {"network": own})
    refused(f"student.network.{said}", student=own, kd=kd)
    refused(f"teacher.network.{said}", teacher=own, kd=kd)
    end = EXITS | {"exits": [3], key: value}  # the network's end, by its number
    refused(f"variants.own.network.{said}", own=kd | {"network": end})
    members = {"cascade": [EXITS | {key: value}, own]}
    refused(f"variants.both.network.cascade.1.{said}", both=kd | {"network": members})


def test_gradients_of_one_exit_are_not_scaled():
    scaled = {"method": "kd", "train": {"gradient_scaling": "equilibrium"}}
    said = "train.gradient_scaling must be left out where there is no early exit: nothing reads it"
    refused(f"variants.a.{said}, got 'equilibrium'", a=scaled | {"network": PLAIN})
    assert parsed(a=scaled, b=scaled | {"network": {"cascade": [PLAIN, EXITS]}})
