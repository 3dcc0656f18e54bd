"""Published files: there already or downloaded, and used only after their checksum matched."""

import hashlib
import http.client
import os
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from erde.datasets.images import DatasetError

_TIMEOUT_SECONDS = 30.0


class Published(NamedTuple):
    """A file as its authors publish it."""

    url: str
    filename: str
    md5: str


def present_or_downloaded(files: Sequence[Published], root: Path) -> list[Path]:
    """The verified ``files`` in the folder ``root``, downloading those that are missing.

    Raises:
        DatasetError: a file there has another checksum (it is left as it is), or files are
            missing and cannot be downloaded; the sentence names all of them and where to put them.
    """
    for file in files:
        if (root / file.filename).exists():
            verify(root / file.filename, file)
    missing = [file for file in files if not (root / file.filename).exists()]
    try:
        for file in missing:
            _download(file, root)
    # RuntimeError is torchvision's word for a checksum that does not match.
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        raise DatasetError(_by_hand(missing, root, str(error))) from error
    return [root / file.filename for file in files]


def verify(path: Path, file: Published) -> None:
    """Refuse ``path`` unless its MD5 is that of the published file.

    Raises:
        DatasetError: the checksum differs.
    """
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, _md5).hexdigest()
    if found != file.md5:
        raise DatasetError(
            f"{path}: must have MD5 {file.md5}, got {found}; delete it, "
            f"and it is downloaded again from {file.url}"
        )


def md5_of(data: bytes) -> str:
    """MD5 of ``data`` in hexadecimal."""
    return _md5(data).hexdigest()


def _md5(data: bytes = b"") -> "hashlib._Hash":
    # This checksum, which the authors publish, detects accidents; it does not stop attackers.
    return hashlib.md5(data, usedforsecurity=False)


def _download(file: Published, root: Path) -> None:
    from torchvision.datasets.utils import download_url

    root.mkdir(parents=True, exist_ok=True)
    # torchvision writes under the final name. It downloads into a folder of its own, so that an
    # interrupted file is never taken for a whole one.
    with tempfile.TemporaryDirectory(dir=root, prefix=".download-") as folder, _timeout():
        download_url(file.url, folder, file.filename, file.md5)
        os.replace(Path(folder) / file.filename, root / file.filename)


@contextmanager
def _timeout() -> Iterator[None]:
    """A server that stops answering raises, instead of keeping the run waiting for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _by_hand(missing: Sequence[Published], root: Path, reason: str) -> str:
    names = " and ".join(file.filename for file in missing)
    files = " and ".join(f"{file.url} (MD5 {file.md5})" for file in missing)
    return (
        f"{names} must be in the folder {root.resolve()}, and the download failed "
        f"({' '.join(reason.split())}): put there by hand {files}, checked on the next run"
    )
