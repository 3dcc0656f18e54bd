"""The loss settings, their ranges and the four methods."""

import dataclasses

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
        "ce_mask": "all",
        "entropy_exits": "all",
        "entropy_scale": "nats",
        "right_from": "exit",
    }


def test_methods_are_points_in_the_space_of_settings():
    assert list(METHODS) == ["ce", "kd", "masked_kd", "erde"]
    assert method_settings("erde") == LossSettings()
    assert method_settings("ce") == LossSettings(kd_weight=0, entropy_weight=0)
    assert method_settings("kd") == LossSettings(kd_mask="all", entropy_weight=0)
    assert method_settings("masked_kd") == LossSettings(entropy_weight=0)
    assert method_settings("kd", temperature=2).temperature == 2


@pytest.mark.parametrize(
    ("fields", "needed"),
    [
        ({}, True),
        ({"kd_weight": 0.0}, True),
        ({"entropy_weight": 0.0}, True),
        ({"kd_weight": 0.0, "entropy_weight": 0.0}, False),
        ({"kd_weight": 0.0, "entropy_weight": 0.0, "ce_mask": "right"}, True),
        ({"kd_weight": 0.0, "entropy_weight": 0.0, "ce_mask": "right", "ce_weight": 0.0}, False),
    ],
)
def test_when_a_teacher_is_needed(fields, needed):
    assert LossSettings(**fields).needs_teacher is needed


@pytest.mark.parametrize("name", ["temperature", "ce_weight", "kd_weight", "entropy_weight"])
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
    "name", ["kd_mask", "ce_mask", "entropy_exits", "entropy_scale", "right_from"]
)
def test_unknown_words(name):
    with pytest.raises(ValueError, match=f"{name} must be one of '.*', '.*', got 'some'"):
        LossSettings(**{name: "some"})
    with pytest.raises(ValueError, match=r"method must be one of 'ce', 'kd', .* got 'dkd'"):
        method_settings("dkd")


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
