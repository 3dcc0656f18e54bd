"""What a source of images says of itself before any image is there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Counts and sizes, from the settings and at most the names of files.

    Attributes:
        train, val, test: images of each split.
        height, width: of every image, pixels.
        channels: 3 or 1, at most.
        classes: C.
    """

    train: int
    val: int
    test: int
    height: int
    width: int
    channels: int
    classes: int

    @property
    def images(self) -> int:
        """Of all splits."""
        return self.train + self.val + self.test


def published_facts(train: int, validation: int, test: int, side: int, classes: int) -> Facts:
    """Of published square colour images, with ``validation`` of them held out of ``train``."""
    return Facts(
        train=train - validation,
        val=validation,
        test=test,
        height=side,
        width=side,
        channels=3,
        classes=classes,
    )


class SourceSettings(Protocol):
    """The keys under ``dataset`` of an experiment file: a frozen dataclass beside its builder."""

    @property
    def name(self) -> str:
        """By which SOURCES knows it."""

    def __hash__(self) -> int:
        """Frozen settings have one."""

    def facts(self) -> Facts:
        """What is known before the images are read.

        Raises:
            DatasetError: files that are to be counted break a rule.
            OSError: they cannot be listed.
        """

    def class_folders(self, root: Path) -> Path | None:
        """The user's own files that it would read, which may change; None for none."""


@dataclass(frozen=True)
class Source:
    """An entry of SOURCES.

    Attributes:
        settings: the class of its settings.
        builder: ``module:function``, of ``(settings, root)``, which gives the ``ImageDataset``.
        libraries: distributions whose version decides the pixels.
        streamer: ``module:function``, of ``(settings, crops, path, folder, made_by, say)``, which
            writes the data set file with few images in memory; empty where ``builder`` does.
    """

    settings: type[SourceSettings]
    builder: str
    libraries: tuple[str, ...] = ()
    streamer: str = ""

    @property
    def module(self) -> str:
        """The module that a change of the data set's code is in."""
        return self.builder.split(":")[0]
