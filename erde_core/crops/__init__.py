"""Recorded crops: random resized crops and colours as views that a number names.

A view of an image is a part of it (place and size), scaled to the size of the network's images,
perhaps mirrored and recoloured. Which, is a pure function of (seed, image, view); view 0 is the
middle, as it is. There is no end of views, so that a teacher may see new ones in every epoch and a
cache may keep its answers to the first K.
"""

from erde_core.crops.drawn import CropSettings, colour_factors, crop_boxes
from erde_core.crops.kernel import KERNEL, ONE, cropped

__all__ = ["KERNEL", "ONE", "CropSettings", "colour_factors", "crop_boxes", "cropped"]
