"""The shape of an experiment's images before its data set is made."""

from collections.abc import Iterable
from pathlib import Path

from erde.datasets.class_folders import ClassFolders, list_class_folders
from erde.datasets.folder_settings import FolderSettings
from erde.datasets.image_file import ImageError, look
from erde.datasets.images import DatasetError
from erde.experiment.schema import Experiment
from erde.running.cluster.needs import facts_or_none

Shape = tuple[int, int, int]


def image_shape(experiment: Experiment) -> Shape | None:
    """(channels, height, width); None of a folder that cannot be listed."""
    facts, source = facts_or_none(experiment), experiment.dataset
    if facts is None:
        return None
    if not isinstance(source, FolderSettings):
        return facts.channels, facts.height, facts.width
    try:
        return folder_shape(source, list_class_folders(source.path, source.parts))
    except (DatasetError, OSError):
        return None


def folder_shape(source: FolderSettings, found: ClassFolders) -> Shape:
    """The same of class folders that have been listed."""
    images = (file for part in source.parts for files in found.files[part] for file in files)
    return (_channels(images), *source.size)


def _channels(images: Iterable[Path]) -> int:
    """Of the data set that they make, by their heads: grey ones beside coloured ones are taken for
    colour, or refused when they are read."""
    for path in images:
        try:
            if look(path, (1, 1), "crop")[1] == 3:
                return 3
        except ImageError:
            return 3  # whoever reads it says what is wrong
    return 1
