"""SOURCES, the table of all data sets. A new one is a file beside this one, and an entry here.

The code hash of the job ``data`` takes the module of the source in use, and never this table:
adding an entry makes no data set anew.
"""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from erde.datasets.cifar import CifarSettings
from erde.datasets.digits import DigitsSettings
from erde.datasets.folder_settings import FolderSettings
from erde.datasets.images import DatasetError
from erde.datasets.source import Source, SourceSettings
from erde.datasets.svhn import SvhnSettings
from erde_core.images import ImageDataset
from erde_core.store.dataset import write_dataset

_CIFAR = Source(CifarSettings, "erde.datasets.cifar:prepare")

SOURCES = {
    "digits": Source(DigitsSettings, "erde.datasets.digits:prepare"),
    "cifar10": _CIFAR,
    "cifar100": _CIFAR,
    "svhn": Source(SvhnSettings, "erde.datasets.svhn:prepare"),
    "folder": Source(
        FolderSettings,
        "erde.datasets.folder:prepare",
        ("pillow",),
        streamer="erde.datasets.folder:prepare_file",
    ),
}


def source_settings(keys: Mapping[str, Any]) -> SourceSettings:
    """The settings of the source ``keys["name"]``.

    Raises:
        DatasetError: there is no such source.
        ValueError: a setting is out of its range.
    """
    name = keys.get("name")
    if name not in SOURCES:
        raise DatasetError(f"the data set must be one of {', '.join(SOURCES)}, got {name!r}")
    return SOURCES[name].settings(**keys)


def prepare(settings: SourceSettings, root: Path) -> ImageDataset:
    """Read, download or make a data set, with its validation split held out.

    Args:
        settings: of the source.
        root: where downloaded archives lie or are put; not every source uses it.

    Returns:
        The checked data set, with mean and standard deviation of its train split.

    Raises:
        DatasetError: one sentence on what is missing, unreadable or out of range.
    """
    found: ImageDataset = _function(SOURCES[settings.name].builder)(settings, root)
    return found


def prepare_file(
    settings: SourceSettings,
    root: Path,
    path: Path,
    *,
    crops: bool,
    folder: Path,
    made_by: str,
    say: Callable[[str], None],
) -> None:
    """The same as a data set file, whole or not at all.

    Args:
        settings, root: as :func:`prepare` takes them.
        path: of the file.
        crops: whether training images are stored with room for crops, where they are scaled at all.
        folder: where an unfinished file may wait for the next start.
        made_by: what decides the pixels beside settings and images.
        say: told of what is found.

    Raises:
        DatasetError: as :func:`prepare`.
    """
    streamer = SOURCES[settings.name].streamer
    if streamer:
        _function(streamer)(settings, crops, path, folder, made_by, say)
    else:
        write_dataset(path, prepare(settings, root))


def _function(name: str) -> Callable[..., Any]:
    module, function = name.split(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found
