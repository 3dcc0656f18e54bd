"""What is asked of a captured step before it is captured; its replays are rehearsed elsewhere
(``tests/gpu_rehearsal``)."""

import math

import pytest
import torch

from erde_torch.training.difference import Difference, first_difference
from erde_torch.training.settings import StudentSettings, TrainSettings, learned


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


def test_what_does_not_go_together_is_refused():
    with pytest.raises(ValueError, match=r"^graph must be false with compile, got true for both$"):
        TrainSettings(epochs=1, graph=True, compile=True)
    with pytest.raises(ValueError, match="graph must be false with several processes, got true f"):
        TrainSettings(epochs=1, graph=True, processes=2)


def test_a_graph_is_no_part_of_what_is_learned():
    """A checkpoint of one goes on as the other."""
    plain, captured = (
        StudentSettings(train=TrainSettings(epochs=1, graph=graph)) for graph in (False, True)
    )
    assert learned(captured) == learned(plain)
    assert "graph" not in learned(plain)["train"]


def test_without_a_gpu_nothing_is_trained(training, said, tmp_path):
    asked = training(graph=True)
    with pytest.raises(ValueError, match=r"^train\.graph must be false where no GPU is used, got"):
        asked.start()
    assert said == []
    assert not (tmp_path / "checkpoints").exists()
