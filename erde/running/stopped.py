"""What a stopped run left out.

Snakemake removes a job's old output before the job starts, and marks it. If the run is stopped
then, and everything that was made from it is still there, the next run of Snakemake (9.27) has
nothing to do: it looks at the marks of files that are there alone.
"""

import binascii
from base64 import urlsafe_b64decode
from pathlib import Path


def removed_outputs(marks: Path) -> list[str]:
    """The files that were to be made when a run was stopped, and are not there.

    Args:
        marks: Snakemake's folder of them, ``.snakemake/incomplete``; paths are relative to the
            working directory.
    """
    found = [_marked(mark.relative_to(marks)) for mark in marks.rglob("*") if mark.is_file()]
    return sorted(name for name in found if name and not Path(name).exists())


def _marked(mark: Path) -> str:
    # A long name is cut into folders, which begin with @.
    encoded = "".join(part.removeprefix("@") for part in mark.parts)
    try:
        return urlsafe_b64decode(encoded).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
