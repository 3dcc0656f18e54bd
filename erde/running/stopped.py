"""What a run that ended early left out.

Snakemake removes a job's old output before the job starts. If the job then fails, or the run is
stopped, and all that was made from the output is still there, the next run of Snakemake (9.27) has
nothing to do; and a folder that is updated is put back as it was, and counts as made. So each run
lists what it is about to make, and takes off the list what it has made when it ends well.
"""

import json
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from erde_core.store.files import write_text


def list_outputs(lists: Path, outputs: Iterable[str]) -> None:
    """Write down what a run is about to make.

    Args:
        lists: the folder of all such lists.
        outputs: paths as of the working directory.

    """
    lists.mkdir(parents=True, exist_ok=True)
    _write(lists / f"{uuid.uuid4().hex}.json", time.time(), outputs)


def take_off(lists: Path, made: Iterable[str]) -> None:
    """Take what a finished run has made, or found made, off all lists; an empty list goes away.

    Of what another run is making at the same time nothing is among it: Snakemake locks outputs.
    """
    done = set(made)
    for path in lists.glob("*.json"):
        since, outputs = _read(path)
        left = [name for name in outputs if name not in done]
        if not left:
            path.unlink(missing_ok=True)
        elif len(left) < len(outputs):
            _write(path, since, left)


def unmade_outputs(lists: Path) -> list[str]:
    """What listed runs have not made: files that are missing, folders that are older than the run.

    A file that is there needs no list: Snakemake knows what its job was, and whether it still is.
    """
    return sorted({name for path in lists.glob("*.json") for name in _unmade(path)})


def _unmade(path: Path) -> list[str]:
    since, outputs = _read(path)
    return [name for name in outputs if not Path(name).exists() or _is_older(Path(name), since)]


def _read(path: Path) -> tuple[float, list[str]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return float(found["since"]), [str(name) for name in found["outputs"]]
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0, []  # damaged, or another run has just taken it away


def _write(path: Path, since: float, outputs: Iterable[str]) -> None:
    write_text(path, json.dumps({"since": since, "outputs": sorted(outputs)}) + "\n")


def _is_older(path: Path, since: float) -> bool:
    if not path.is_dir():
        return False
    times = [file.stat().st_mtime for file in path.rglob("*") if file.is_file()]
    return max(times, default=0.0) < since
