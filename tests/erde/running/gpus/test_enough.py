"""A training that is to use GPUs is held to those that there are, before the first job."""

import pytest

from erde.running.gpus.enough import check_gpus


class Sees:
    """PyTorch sees so many, and is asked no more than it must be."""

    def __init__(self, gpus):
        self.gpus, self.asked = gpus, 0

    def ask(self, about, words):
        assert (about, words) == ("gpus", {})
        self.asked += 1
        return {"gpus": self.gpus, "passing": True}


@pytest.mark.parametrize(
    ("device", "processes", "visible", "seen", "said"),
    [
        ("cuda", 1, 0, 0, "device must be available, got 'cuda' but PyTorch sees no GPU"),
        ("cuda", 2, 0, 0, "device must be available, got 'cuda' but PyTorch sees no GPU"),
        (
            "cuda",
            3,
            2,
            2,
            "student.train.processes must be at most the 2 GPUs that PyTorch sees, g",
        ),
        (
            "auto",
            3,
            2,
            2,
            "student.train.processes must be at most the 2 GPUs that PyTorch sees, g",
        ),
    ],
)
def test_too_few_are_refused(device, processes, visible, seen, said):
    with pytest.raises(ValueError, match=said):
        check_gpus(device, "student", processes, lambda: visible, Sees(seen))


def test_pytorch_has_the_last_word_where_the_drivers_command_shows_too_few():
    """There may be no such command; and ``auto`` without any GPU is the CPU's processes."""
    for device, processes, seen in (("cuda", 1, 1), ("cuda", 2, 2), ("auto", 4, 0)):
        sees = Sees(seen)
        check_gpus(device, "teacher", processes, lambda: 0, sees)
        assert sees.asked == 1
    sees = Sees(0)
    check_gpus("cuda", "teacher", 2, lambda: 2, sees)
    assert not sees.asked
