"""A part of a split stands for all of it, whatever the order in which it lies."""

import numpy as np
import pytest

from erde_torch.images.drawn import drawn


@pytest.mark.parametrize("shown", [40, 256])
def test_a_part_of_class_folders_is_of_all_classes(shown):
    """Five classes of 400 images, one after the other, as class folders are read."""
    labels = np.repeat(np.arange(5), 400)
    counts = np.bincount(labels[drawn(2000, 256)][:shown], minlength=5)
    assert abs(counts / shown - 0.2).max() < 4 * np.sqrt(0.2 * 0.8 / shown)


def test_always_the_same_each_once():
    first = drawn(500, 300)
    assert len(set(first.tolist())) == 300
    np.testing.assert_array_equal(first, drawn(500, 300))
    assert sorted(drawn(7, 300).tolist()) == list(range(7))
