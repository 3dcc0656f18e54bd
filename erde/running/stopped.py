"""What a run that ended early left out.

Snakemake removes a job's old output before the job starts. If the job then fails, or the run is
stopped, and all that was made from the output is still there, the next run of Snakemake (9.27) has
nothing to do; and a folder that is updated is put back as it was, and counts as made. So each run
lists what it is about to make, and takes the list away when all of it is made.
"""

import json
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from erde_core.store.files import write_text


def list_outputs(lists: Path, outputs: Iterable[str]) -> Path:
    """Write down what a run is about to make.

    Args:
        lists: the folder of all such lists.
        outputs: paths as of the working directory.

    Returns:
        The new list, to be removed when all is made.
    """
    lists.mkdir(parents=True, exist_ok=True)
    path = lists / f"{uuid.uuid4().hex}.json"
    write_text(path, json.dumps({"since": time.time(), "outputs": sorted(outputs)}) + "\n")
    return path


def forget_made(lists: Path) -> None:
    """Remove the lists of earlier runs of which all is made by now."""
    for path in lists.glob("*.json"):
        if not _unmade(path):
            path.unlink(missing_ok=True)


def unmade_outputs(lists: Path) -> list[str]:
    """What listed runs have not made: files that are missing, folders that are older than the run.

    A file that is there needs no list: Snakemake knows what its job was, and whether it still is.
    """
    return sorted({name for path in lists.glob("*.json") for name in _unmade(path)})


def _unmade(path: Path) -> list[str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        since, outputs = float(found["since"]), [Path(name) for name in found["outputs"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # damaged, or another run has just taken it away
    return [str(name) for name in outputs if not name.exists() or _is_older(name, since)]


def _is_older(path: Path, since: float) -> bool:
    if not path.is_dir():
        return False
    times = [file.stat().st_mtime for file in path.rglob("*") if file.is_file()]
    return max(times, default=0.0) < since
