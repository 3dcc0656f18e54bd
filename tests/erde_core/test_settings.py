"""The loss settings, their ranges and the four methods."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from erde_core import METHODS, LossSettings, method_settings


def test_defaults():
    assert dataclasses.asdict(LossSettings()) == {
        "temperature": 4.0,
        "ce_weight": 1.0,
        "kd_weight": 1.0,
        "entropy_weight": 0.3,
        "exit_weights": None,
        "kd_mask": "right",
        "kd_exits": "all",
        "ce_mask": "all",
        "entropy_exits": "all",
        "entropy_scale": "nats",
        "right_from": "exit",
        "target_from": "exit",
        "standardise": False,
        "decoupled": None,
        "self_weight": 0.0,
    }


def test_methods_are_points_in_the_space_of_settings():
    assert list(METHODS) == ["ce", "kd", "masked_kd", "erde", "dkd", "kd_ls"]
    assert method_settings("erde") == LossSettings()
    assert method_settings("ce") == LossSettings(kd_weight=0, entropy_weight=0)
    assert method_settings("kd") == LossSettings(kd_mask="all", entropy_weight=0)
    assert method_settings("masked_kd") == LossSettings(entropy_weight=0)
    assert method_settings("kd", temperature=2).temperature == 2
    plain = method_settings("kd")
    assert method_settings("dkd") == replace(plain, decoupled=(1, 8), temperature=4)
    assert method_settings("kd_ls") == replace(plain, standardise=True, temperature=2, kd_weight=9)


@pytest.mark.parametrize(
    ("fields", "needed"),
    [
        ({}, True),
        ({"kd_weight": 0.0}, True),
        ({"entropy_weight": 0.0}, True),
        ({"kd_weight": 0.0, "entropy_weight": 0.0}, False),
        ({"kd_weight": 0.0, "entropy_weight": 0.0, "ce_mask": "right"}, True),
        ({"kd_weight": 0.0, "entropy_weight": 0.0, "ce_mask": "right", "ce_weight": 0.0}, False),
        ({"kd_weight": 0.0, "entropy_weight": 0.0, "self_weight": 1.0}, False),
        ({"kd_weight": 0.0, "entropy_weight": 0.0, "decoupled": (1, 8)}, False),
    ],
)
def test_when_a_teacher_is_needed(fields, needed):
    assert LossSettings(**fields).needs_teacher is needed


@pytest.mark.parametrize(
    ("fields", "target", "answer", "each"),
    [
        ({}, True, True, True),
        ({"right_from": "last"}, True, True, True),
        ({"right_from": "last", "target_from": "last"}, True, True, False),
        ({"kd_mask": "all", "entropy_weight": 0.0}, True, False, True),
        ({"kd_mask": "all", "entropy_weight": 0.0, "target_from": "last"}, True, False, False),
        ({"kd_weight": 0.0, "right_from": "last"}, False, True, False),
        ({"kd_weight": 0.0}, False, True, True),
        ({"target_from": "last"}, True, True, True),
        ({"kd_weight": 0.0, "entropy_weight": 0.0}, False, False, False),
    ],
)
def test_which_rows_of_the_teacher_are_read(fields, target, answer, each):
    settings = LossSettings(**fields)
    assert settings.reads_target is target
    assert settings.reads_answer is answer
    assert settings.reads_each_exit is each


@pytest.mark.parametrize(
    "name", ["temperature", "ce_weight", "kd_weight", "entropy_weight", "self_weight"]
)
@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf, -np.inf, "1", None, True])
def test_numbers_out_of_range(name, value):
    rule = "> 0" if name == "temperature" else ">= 0"
    with pytest.raises(ValueError, match=f"{name} must be a finite number {rule}, got {value!r}"):
        LossSettings(**{name: value})


def test_zero_is_a_weight_and_not_a_temperature():
    LossSettings(ce_weight=0, kd_weight=0.0, entropy_weight=np.float32(0))
    with pytest.raises(ValueError, match=r"temperature must be a finite number > 0, got 0"):
        LossSettings(temperature=0)


@pytest.mark.parametrize(
    "name",
    [
        *("kd_mask", "kd_exits", "ce_mask", "entropy_exits", "entropy_scale"),
        *("right_from", "target_from"),
    ],
)
def test_unknown_words(name):
    with pytest.raises(ValueError, match=f"{name} must be one of '.*', '.*', got 'some'"):
        LossSettings(**{name: "some"})
    with pytest.raises(ValueError, match=r"method must be one of 'ce', 'kd', .* got 'akd'"):
        method_settings("akd")


@pytest.mark.parametrize("value", [1e-300, 0.000999, 100.1, 1e4, 1e8, 1e100])
def test_temperatures_that_no_backend_computes_with(value):
    with pytest.raises(ValueError, match=r"temperature must lie in 0\.001 … 100, got \d"):
        LossSettings(temperature=value)
    assert LossSettings(temperature=100).temperature == 100
    assert LossSettings(temperature=0.001).temperature == 0.001


@pytest.mark.parametrize("value", [0, 1, "true", None, 1.0])
def test_standardise_is_true_or_false(value):
    with pytest.raises(ValueError, match=f"standardise must be True or False, got {value!r}"):
        LossSettings(standardise=value)


def test_decoupled_is_a_pair_of_weights():
    assert LossSettings(decoupled=[1, 8]).decoupled == (1.0, 8.0)
    assert repr(LossSettings(decoupled=(1, 8))) == repr(LossSettings(decoupled=(1.0, 8.0)))
    for value in (1.0, (1.0,), (1, 2, 3), "18", {1: 8}):
        with pytest.raises(ValueError, match=r"decoupled must be a list of two numbers or None"):
            LossSettings(decoupled=value)
    with pytest.raises(ValueError, match=r"decoupled\[1\] must be .* >= 0, got -8"):
        LossSettings(decoupled=(1, -8))
    with pytest.raises(ValueError, match=r"decoupled\[0\] must be .* >= 0, got nan"):
        LossSettings(decoupled=(np.nan, 8))


def test_whole_numbers_are_the_same_setting():
    whole = LossSettings(temperature=4, ce_weight=1, kd_weight=1, exit_weights=(1, 2))
    assert repr(whole) == repr(LossSettings(exit_weights=(1.0, 2.0)))


def test_exit_weights():
    assert LossSettings().weights_of_exits(3) == (1.0, 1.0, 1.0)
    assert LossSettings(exit_weights=(1, 0.5)).weights_of_exits(2) == (1, 0.5)
    with pytest.raises(ValueError, match=r"one number per exit \(3\), got \(1\.0, 2\.0\)"):
        LossSettings(exit_weights=(1, 2)).weights_of_exits(3)
    with pytest.raises(ValueError, match=r"exit_weights\[1\] must be .* >= 0, got -1"):
        LossSettings(exit_weights=(1, -1))
    with pytest.raises(ValueError, match=r"exit_weights must be a list .* got 2.0"):
        LossSettings(exit_weights=2.0)


def test_settings_are_frozen_and_named():
    with pytest.raises(dataclasses.FrozenInstanceError):
        LossSettings().temperature = 2
    with pytest.raises(TypeError):
        LossSettings(4.0)


@pytest.mark.parametrize("last", [{}, {"target_from": "last", "right_from": "last"}])
def test_a_teacher_of_other_classes_or_samples_is_refused(last):
    settings = LossSettings(**last)
    for shape in [(5, 4, 2), (6, 4, 3)]:
        with pytest.raises(ValueError, match="teacher must have the shape of student"):
            settings.check_teacher(shape, (5, 4, 3))


@pytest.mark.parametrize(
    ("form", "least"), [({"standardise": True}, 2), ({"decoupled": (1.0, 8.0)}, 3)]
)
def test_a_form_needs_its_classes(form, least):
    LossSettings(**form).check_classes(least)
    with pytest.raises(ValueError, match=f"needs at least {least} classes, got {least - 1}"):
        LossSettings(**form).check_classes(least - 1)
