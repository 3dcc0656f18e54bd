"""What an experiment file says of one's own images. Reads nothing but names of files."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Le, Lt

from erde.datasets.class_folders import GROUPS, PARTS, list_class_folders
from erde.datasets.source import Facts
from erde_core.errors import ErdeError
from erde_core.fields import SEEDS, STRICT_KEYS, FromList, OneSentence, check_fields

_LARGEST_SIDE = 8192  # pixels; a training on more fits no machine
_Side = Annotated[int, Ge(1), Le(_LARGEST_SIDE)]
# Stored so much larger than it is shown, an image has room for crops: 256 for 224 pixels.
_ROOM = (8, 7)


@dataclass(frozen=True, kw_only=True)
class FolderSettings:
    """One's own images: ``path/train/<class>/*.png`` and ``path/test/<class>/*.png``.

    Attributes:
        path: of the folder that holds ``train`` and ``test``.
        image_size: (height, width) in pixels that the network sees; one number for a square.
        resize: what is done with images of another size: ``none`` refuses them, ``crop`` scales the
            short side and cuts the middle out, ``pad`` scales the long side and fills up with
            black, ``stretch`` scales both.
        validation: images to hold out of ``train``, or a fraction of them; or ``folder``: they lie
            in ``path/val/<class>/``.
        split_seed: with ``validation``, decides which.
        duplicates: ``keep`` takes test images that are also training images; ``refuse`` does not,
            above 0.1 % of the test images.

    Raises:
        ValueError: a field breaks its rule.
    """

    __pydantic_config__ = STRICT_KEYS

    name: Literal["folder"]
    path: str
    image_size: Annotated[_Side | Annotated[tuple[_Side, _Side], FromList()], OneSentence()]
    resize: Literal["none", "crop", "pad", "stretch"] = "none"
    validation: Annotated[int | float | Literal["folder"], OneSentence()]
    split_seed: Annotated[int, Ge(0), Lt(SEEDS)] = 0
    duplicates: Literal["refuse", "keep"] = "refuse"

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.path or "\0" in self.path:
            raise ErdeError(f"path must name a folder, got {self.path!r}")
        if not _are_sides(self.image_size):
            raise ErdeError(
                f"image_size must be 1 … {_LARGEST_SIDE} pixels or [height, width] of so many, "
                f"got {self.image_size!r}"
            )
        if not _holds_out(self.validation):
            raise ErdeError(
                "validation must be a count >= 1, a fraction between 0 and 1, or 'folder', "
                f"got {self.validation!r}"
            )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of what the network sees."""
        side = self.image_size
        return (side, side) if isinstance(side, int) else side

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders of class folders."""
        return ("train", "val", "test") if self.validation == "folder" else PARTS

    def stored_size(self, crops: bool) -> tuple[int, int]:
        """(height, width) of the stored training images: with room for crops, if there are any."""
        if not crops or self.resize == "none":
            return self.size
        height, width = (round(side * _ROOM[0] / _ROOM[1]) for side in self.size)
        return height, width

    def held_out(self, train: int) -> int:
        """Images to hold out of ``train`` images; 0 where they lie in a folder of their own."""
        if isinstance(self.validation, str):
            return 0
        if isinstance(self.validation, int):
            return self.validation
        return max(1, round(self.validation * train))

    def facts(self) -> Facts:
        """Counted by the names of the files and their groups; colour is assumed."""
        from erde.datasets.photographs.listed import list_photographs  # which needs this module

        found = list_class_folders(self.path, self.parts)
        height, width = self.size
        held = self.held_out(found.count("train"))
        if held and os.path.lexists(found.path / GROUPS):  # whole groups: fewer or more
            held = len(list_photographs(self).splits["val"].files)
        return Facts(
            train=found.count("train") - held,
            val=held or found.count("val"),
            test=found.count("test"),
            height=height,
            width=width,
            channels=3,
            classes=len(found.classes),
        )

    def class_folders(self, root: Path) -> Path:
        """The folder itself."""
        return Path(self.path)


def _are_sides(size: object) -> bool:
    """Whether it is one side of a square, or height and width."""
    sides = size if isinstance(size, tuple | list) else (size, size)
    return len(sides) == 2 and all(type(s) is int and 1 <= s <= _LARGEST_SIDE for s in sides)


def _holds_out(validation: object) -> bool:
    """Whether it says what is held out: a count, a fraction, or that it lies in a folder."""
    if type(validation) is int:
        return validation >= 1
    return validation == "folder" or (type(validation) is float and 0 < validation < 1)
