"""Ranges come from train images in the size, the middle and the numbers that a network is shown."""

import numpy as np
import pytest
import torch

from erde_core.crops import CropSettings
from erde_core.images import ImageDataset, Split
from erde_torch.images.cropped import CroppedImages
from erde_torch.int8 import quantise
from erde_torch.int8.quantise import middle
from erde_torch.int8.settings import Int8Settings
from erde_torch.networks.weights import NetworkCard
from tests.erde_torch.deployable import MEAN, SETTINGS, STD


def test_ranges_come_from_images_of_the_networks_size():
    stored = np.random.default_rng(0).integers(0, 256, (2, 11, 12, 3), np.uint8)
    np.testing.assert_array_equal(middle(stored, (3, 7, 8)), stored[:, 2:9, 2:10])
    np.testing.assert_array_equal(middle(stored, (3, 11, 12)), stored)


@pytest.mark.parametrize("stored", [(18, 18), (19, 20), (16, 16)])
def test_calibration_reads_what_the_network_is_shown_of_a_photograph(stored, monkeypatch):
    """Bit for bit: the undistorted view of training images with room for crops, normalised."""
    rng = np.random.default_rng(0)
    train, val = (
        rng.integers(0, 256, (9, *sides, 3)).astype(np.uint8) for sides in (stored, (16, 16))
    )
    labels = np.arange(9) % 2
    parts = [Split(part, labels, np.arange(9)) for part in (train, val, val)]
    dataset = ImageDataset(*parts, ("a", "b"), MEAN, STD, "random")
    card = NetworkCard(SETTINGS, (3, 16, 16), ("a", "b"), MEAN, STD, "0" * 64, "float32")
    monkeypatch.setattr(quantise, "stage_models", lambda network, image_shape: [])
    monkeypatch.setattr(quantise, "quantised_stages", lambda stages, images, settings: images)
    read = quantise.quantised_network(None, card, dataset, Int8Settings())
    crops, everyone = CropSettings(seed=0), torch.arange(9)
    shown = CroppedImages(train, (16, 16), crops, True, 0.4, MEAN, STD, torch.device("cpu"))
    expected = shown.batch(everyone, torch.zeros_like(everyone))
    np.testing.assert_array_equal(read, expected.numpy())
