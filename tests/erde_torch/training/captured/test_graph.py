"""What is asked of a captured step before it is captured; its replays are rehearsed elsewhere
(``tests/gpu_rehearsal``)."""

import pytest

from erde_torch.training.settings import StudentSettings, TrainSettings, learned


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
