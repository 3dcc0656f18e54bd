"""Whether images are read here by the Pillow that read the training images.

A deployment carries this file along, so it needs the standard library alone.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path


def warn_of_another_pillow(versions: Mapping[str, str], images: Path | None = None) -> None:
    """Warn where another Pillow is installed than the one that is noted; never where none is.

    Args:
        versions: of the manifest; without ``pillow`` where the training images were in no files,
            or an older program wrote it.
        images: the file that is read; of arrays (``.npy``) no Pillow makes the pixels.
    """
    if images is not None and images.suffix == ".npy":
        return
    noted = versions.get("pillow")
    try:
        from PIL import __version__ as installed
    except ImportError:  # whoever reads an image says so
        return
    if noted not in (None, installed):
        warnings.warn(
            f"Pillow {installed} reads the images here, Pillow {noted} read those of training and "
            "validation: pixels may differ, and so may answers near a decision",
            stacklevel=2,
        )
