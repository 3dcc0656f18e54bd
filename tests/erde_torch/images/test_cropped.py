"""Views that are cut on the CPU, and those that are read as they come."""

import numpy as np
import pytest
import torch

from erde_core.crops import CropSettings, colour_factors, crop_boxes, cropped
from erde_core.views import all_views
from erde_torch.images.cropped import CroppedImages
from erde_torch.images.streamed import StreamedImages
from erde_torch.networks.viewed_images import ViewedImages

CPU, CROPS = torch.device("cpu"), CropSettings(scale=(0.2, 1.0), seed=5)
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def pixels(count=40):
    return np.random.default_rng(0).integers(0, 256, (count, 14, 12, 3), np.uint8)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_batch_is_the_reference_normalised(threads):
    samples, views = np.array([3, 3, 39, 0] * 8), np.array([0, 7, 2, 2**31 - 1] * 8)
    boxes = crop_boxes(CROPS, True, samples, views, (14, 12), (10, 9))
    factors = colour_factors(CROPS, 0.3, samples, views)
    expected = cropped(pixels(), samples, boxes, factors, (10, 9)) / 255
    served = CroppedImages(pixels(), (10, 9), CROPS, True, 0.3, MEAN, STD, CPU)
    torch.set_num_threads(threads)
    found = served.ahead(samples, views)()
    torch.set_num_threads(1)
    assert found.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(
        found.permute(0, 2, 3, 1), (expected - MEAN) / STD, rtol=1e-5, atol=1e-5
    )
    at_once = served.batch(torch.from_numpy(samples), torch.from_numpy(views))
    assert torch.equal(at_once, found)


@pytest.mark.parametrize("mode", ["zero", "reflect"])
def test_what_is_read_as_it_comes_is_what_lies_on_the_device(mode):
    views = all_views(2, True)
    resident = ViewedImages(pixels(), views, MEAN, STD, mode, CPU)
    streamed = StreamedImages(pixels(), views, MEAN, STD, mode, CPU)
    samples = np.random.default_rng(1).integers(0, 40, 30)
    chosen = np.random.default_rng(2).integers(0, len(views), 30)
    wanted = resident.batch(torch.from_numpy(samples), torch.from_numpy(chosen))
    assert torch.equal(streamed.ahead(samples, chosen)(), wanted)
    assert torch.equal(resident.ahead(samples, chosen)(), wanted)
