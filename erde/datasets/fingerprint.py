"""What tells that a user's own image files have changed, without reading them.

Files that cannot be read have not changed: a folder that is unmounted after the run leaves the data
set made from it as it is. So each data set keeps beside it what it was made from.
"""

import dataclasses
import hashlib
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from erde.datasets.class_folders import GROUPS, PARTS, is_hidden
from erde.datasets.folder_settings import FolderSettings
from erde.datasets.images import DatasetError
from erde.datasets.photographs.group_split import RULE
from erde.datasets.source import SourceSettings
from erde_core.store.files import write_text

_RECORD, _DATA = "images.json", "data.h5"
_LOSSLESS = (".png", ".bmp")


def folder_fingerprint(
    path: str | os.PathLike[str], parts: tuple[str, ...] = PARTS, decoder: str = ""
) -> str:
    """A hash of name, size and time of change of every file under ``path/<part>/<class>``.

    The file of the groups counts too, where there is one, and the rule by which groups are held
    out, where it is used; what nobody reads does not.

    Args:
        path: the folder that holds ``parts``.
        parts: the folders of class folders in it.
        decoder: counts too where there are files of lossy formats, whose pixels it decides.

    Returns:
        16 hexadecimal digits.

    Raises:
        OSError: a folder is not there, cannot be listed, or has no class folders in it; or a link
            among them leads to nothing.
    """
    root, digest, lossy = Path(path), hashlib.sha256(), False
    for part in parts:
        folders = [entry for entry in _scanned(root / part) if _is_folder(entry)]
        if not folders:  # a mount point without its disk
            raise FileNotFoundError(2, "no class folders in it", str(root / part))
        for folder in folders:
            for entry in _scanned(Path(folder.path)):
                lossy |= not entry.name.lower().endswith(_LOSSLESS)
                digest.update(os.fsencode(os.path.relpath(entry.path, root)))
                digest.update(f"\n{_size_and_time(entry)}\n".encode())
    if os.path.lexists(root / GROUPS):  # a link to nothing is no reason to do without groups
        digest.update(f"{GROUPS}\n".encode() + (root / GROUPS).read_bytes())
        if "val" not in parts:
            digest.update(f"\nheld out by rule {RULE}\n".encode())
    if lossy and decoder:
        digest.update(f"decoded by {decoder}\n".encode())
    return digest.hexdigest()[:16]


def images_identity(
    source: SourceSettings, root: Path, results: Path, warn: Callable[[str], None]
) -> str | None:
    """What stands for the user's own files in the parameters of the job ``data``.

    Args:
        source: the settings of the data set.
        root: of downloaded data sets.
        results: the experiment's folder, with ``data.h5`` once it was made.
        warn: told where the files cannot be read, and the data set made from them stays.

    Returns:
        Their fingerprint, or that of the files ``data.h5`` was made from where they cannot be read
        now; None for a source without files of the user's.

    Raises:
        DatasetError: they cannot be read, and no ``data.h5`` was made from them.
    """
    known = recorded_identity(source, results)
    folder = source.class_folders(root)
    if folder is None:
        return known
    try:
        return folder_fingerprint(folder, parts_of(source), _decoder(source))
    except OSError as error:
        reason = f"{error.filename or folder}: cannot be read ({error.strerror})"
        if known is None:
            raise DatasetError(f"dataset: {reason}") from None
        warn(f"{reason}: {results / _DATA}, which was made from these images, is used as it is")
        return known


def _decoder(source: SourceSettings) -> str:
    """With its version; nothing for photographs, beside whose identity it stands already."""
    import PIL

    return "" if isinstance(source, FolderSettings) else f"pillow {PIL.__version__}"


def parts_of(source: SourceSettings) -> tuple[str, ...]:
    """The folders of class folders that are read, ``val`` among them where there is one."""
    return source.parts if isinstance(source, FolderSettings) else PARTS


def recorded_identity(source: SourceSettings, results: Path) -> str | None:
    """The identity of the files that the ``data.h5`` there was made from, if by these settings."""
    try:
        record = json.loads((results / _RECORD).read_text(encoding="utf-8"))
        # A key that is newer than the record had no other value than its default.
        same = _defaults(source) | record["dataset"] == _keys(source)
        return str(record["identity"]) if same and (results / _DATA).exists() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a damaged record is none: the files are looked at


def record_identity(source: SourceSettings, results: Path, identity: str | None) -> None:
    """Keep beside ``data.h5`` what it was made from; nothing where that is nobody's files."""
    if identity is None:
        (results / _RECORD).unlink(missing_ok=True)
    else:
        record = {"dataset": _keys(source), "identity": identity}
        write_text(results / _RECORD, json.dumps(record) + "\n")


def _keys(source: SourceSettings) -> dict[str, Any]:
    """As JSON has them."""
    if not dataclasses.is_dataclass(source) or isinstance(source, type):
        raise TypeError(f"settings of a data set must be a dataclass, got {source!r}")
    keys: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(source)))
    return keys


def _defaults(source: SourceSettings) -> dict[str, Any]:
    keys, fields = _keys(source), dataclasses.fields(cast("Any", source))
    return {f.name: keys[f.name] for f in fields if getattr(source, f.name) == f.default}


def _scanned(path: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder by name, but for what nobody reads."""
    with os.scandir(path) as entries:
        shown = (entry for entry in entries if not is_hidden(entry))
        return sorted(shown, key=lambda entry: entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    found = _state(entry)
    return found is not None and stat.S_ISDIR(found.st_mode)


def _size_and_time(entry: os.DirEntry[str]) -> str:
    found = _state(entry)
    return "missing" if found is None else f"{found.st_size} {found.st_mtime_ns}"


def _state(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Of what a link leads to; None of what was deleted meanwhile.

    Raises:
        OSError: it cannot be read, as where a link leads to a disk that is not mounted.
    """
    try:
        return entry.stat()
    except FileNotFoundError:
        if entry.is_symlink():
            raise FileNotFoundError(2, "a link to nothing", entry.path) from None
        return None
