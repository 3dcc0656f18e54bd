import numpy as np

from erde_torch.int8.quantise import middle


def test_ranges_come_from_images_of_the_networks_size():
    stored = np.random.default_rng(0).integers(0, 256, (2, 11, 12, 3), np.uint8)
    np.testing.assert_array_equal(middle(stored, (3, 7, 8)), stored[:, 2:9, 2:10])
    np.testing.assert_array_equal(middle(stored, (3, 11, 12)), stored)
