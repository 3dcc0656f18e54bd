"""Two states of a training are the same to the last bit, or the first that differs is named."""

import math

import pytest
import torch

from erde_torch.training.captured.difference import Difference, first_difference


def content(**changes):
    """Tensors of the kinds that a training has."""
    tensors = {
        "loss": torch.tensor(2.5, dtype=torch.float64),
        "kernel": torch.ones(2, 3, 4, 4).contiguous(memory_format=torch.channels_last),
        "half": torch.ones(3, dtype=torch.bfloat16),
        "count": torch.tensor(7),
        "flag": torch.tensor([True, False]),
    }
    return tensors | changes


def test_equal_bits_are_no_difference():
    unknown = {"loss": torch.tensor(math.nan, dtype=torch.float64)}
    assert first_difference(content(), content()) is None
    assert first_difference(content(**unknown), content(**unknown)) is None


@pytest.mark.parametrize(
    ("change", "largest", "told"),
    [
        ({"loss": torch.tensor(2.0, dtype=torch.float64)}, 0.5, "loss by up to 0.5"),
        ({"half": torch.tensor([1.0, 1, 3]).bfloat16()}, 2.0, "half by up to 2"),
        ({"count": torch.tensor(9)}, 2.0, "count by up to 2"),
        ({"flag": torch.tensor([True, True])}, 1.0, "flag by up to 1"),
        (
            {"kernel": torch.full((2, 3, 4, 4), math.nan)},
            math.nan,
            "kernel, of which one has a NaN",
        ),
    ],
)
def test_the_first_that_differs_is_named(change, largest, told):
    found = first_difference(content(**change), content())
    assert found.largest == pytest.approx(largest, nan_ok=True)
    assert str(found) == told
    assert first_difference(content(), content(**change)).name == found.name


def test_of_several_the_first_is_named():
    found = content(count=torch.tensor(8), half=torch.zeros(3, dtype=torch.bfloat16))
    assert first_difference(found, content()).name == "half"


def test_a_sign_of_zero_counts():
    zeros = {"loss": torch.tensor(0.0, dtype=torch.float64)}
    minus = {"loss": -zeros["loss"]}
    assert first_difference(content(**zeros), content(**minus)) == Difference("loss", 0.0)
