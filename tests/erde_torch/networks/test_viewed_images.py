import numpy as np
import pytest
import torch
from torchvision.transforms import functional as TF

from erde_core.views import all_views, chosen_views
from erde_torch.networks import viewed_images
from erde_torch.networks.viewed_images import ViewedImages, plain_images

CPU = torch.device("cpu")
MEAN, STD = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)


def pixels(channels=3, count=3, height=7, width=9):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, channels), np.uint8)


def by_torchvision(image, view, pad, mode):
    """What a torchvision pipeline would make of one (H, W, channels) image."""
    dy, dx, flip = view
    tensor = torch.from_numpy(image).permute(2, 0, 1)
    mode = "constant" if mode == "zero" else mode
    padded = TF.pad(tensor, [pad] * 4, padding_mode=mode)
    cropped = TF.crop(padded, pad + dy, pad + dx, *tensor.shape[1:])
    mirrored = TF.hflip(cropped) if flip else cropped
    channels = len(tensor)
    return TF.normalize(mirrored.float() / 255, MEAN[:channels], STD[:channels])


def test_reflected_few_at_a_time_they_are_the_same(monkeypatch):
    images = torch.from_numpy(pixels(3))
    whole = viewed_images.padded(images, 4, "reflect")
    monkeypatch.setattr(viewed_images, "_REFLECTED", 2)
    assert torch.equal(viewed_images.padded(images, 4, "reflect"), whole)
    wanted = np.pad(images.numpy(), ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    assert np.array_equal(whole.numpy(), wanted)


@pytest.mark.parametrize("mode", ["zero", "reflect"])
@pytest.mark.parametrize(("pad", "flip", "channels"), [(4, True, 3), (2, False, 1), (0, True, 3)])
def test_every_view_is_torchvisions(pad, flip, channels, mode):
    images, views = pixels(channels), all_views(pad, flip)
    served = ViewedImages(images, views, MEAN[:channels], STD[:channels], mode, CPU)
    everyone = torch.arange(len(views))
    for sample in range(len(images)):
        found = served.batch(torch.full_like(everyone, sample), everyone)
        wanted = [by_torchvision(images[sample], view, pad, mode) for view in views.tolist()]
        torch.testing.assert_close(found, torch.stack(wanted), rtol=1e-5, atol=1e-5)


def test_a_subset_of_the_views_shows_the_same_images():
    images, whole, few = pixels(), all_views(4, True), chosen_views(4, True, 5)
    served = ViewedImages(images, few, MEAN, STD, "reflect", CPU)
    complete = ViewedImages(images, whole, MEAN, STD, "reflect", CPU)
    for index, view in enumerate(few.tolist()):
        place = whole.tolist().index(view)
        one, other = (
            (torch.tensor([1]), torch.tensor([index])),
            (torch.tensor([1]), torch.tensor([place])),
        )
        torch.testing.assert_close(served.batch(*one), complete.batch(*other), rtol=0, atol=0)


def test_samples_and_views_are_paired_in_order():
    images, views = pixels(), all_views(1, True)
    served = ViewedImages(images, views, MEAN, STD, "zero", CPU)
    samples, drawn = torch.tensor([2, 0, 2, 1]), torch.tensor([7, 0, 3, 17])
    together = served.batch(samples, drawn)
    for row in range(4):
        alone = served.batch(samples[row : row + 1], drawn[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=0, atol=0)


def test_plain_images_are_only_normalised():
    images = pixels()
    everyone = torch.arange(len(images))
    found = plain_images(images, MEAN, STD, CPU).batch(everyone, torch.zeros_like(everyone))
    wanted = (images / 255 - np.array(MEAN)) / np.array(STD)
    np.testing.assert_allclose(found.permute(0, 2, 3, 1).numpy(), wanted, rtol=1e-5, atol=1e-5)


def test_batches_are_float32_and_channels_last():
    batch = plain_images(pixels(), MEAN, STD, CPU).batch(torch.tensor([0, 1]), torch.tensor([0, 0]))
    assert batch.dtype == torch.float32
    assert batch.shape == (2, 3, 7, 9)
    assert batch.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("mode", ["zero", "reflect"])
def test_images_rest_as_uint8(mode):
    served = ViewedImages(pixels(), all_views(2, True), MEAN, STD, mode, CPU)
    held = [value for value in vars(served).values() if isinstance(value, torch.Tensor)]
    images = [tensor for tensor in held if tensor.ndim == 4]
    assert [(t.dtype, tuple(t.shape)) for t in images] == [(torch.uint8, (3, 11, 13, 3))]


@pytest.mark.parametrize("pad", [7, 8])
def test_reflection_needs_more_pixels_than_padding(pad):
    views = all_views(pad, False)
    rule = f"augment.pad must be below both sides of the 7×9 images for .* got {pad}"
    with pytest.raises(ValueError, match=rule):
        ViewedImages(pixels(), views, MEAN, STD, "reflect", CPU)
