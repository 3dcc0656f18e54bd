"""What a run that ended early left out.

Snakemake removes a job's old output before the job starts. If the job then fails, or the run is
stopped, and all that was made from the output is still there, the next run of Snakemake (9.27) has
nothing to do; and a folder that is updated is put back as it was, and counts as made. So each run
lists what it is about to make, and takes off the list what it has made when it ends well. The list
also holds what the run hands to its jobs (``planned/``).
"""

import json
import time
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from erde_core.store.files import write_text

LISTS = Path(".snakemake/erde_planned")  # of the folder in which Snakemake runs, and its jobs


def list_outputs(
    lists: Path, outputs: Iterable[str], handed: Mapping[str, Any] | None = None
) -> None:
    """Write down what a run is about to make.

    Args:
        lists: the folder of all such lists.
        outputs: paths as of the working directory.
        handed: what its jobs are to know, by output under ``jobs``; plain data.
    """
    lists.mkdir(parents=True, exist_ok=True)
    found = {"since": time.time(), "handed": dict(handed or {"jobs": {}})}
    _write(lists / f"{uuid.uuid4().hex}.json", found, outputs)


def handed_to(lists: Path, output: str) -> dict[str, Any] | None:
    """What the last run that was to make ``output`` handed to its jobs; None if none did."""
    found = [_read(path) for path in lists.glob("*.json")]
    found = [one for one in found if output in one["handed"]["jobs"]]
    return max(found, key=lambda one: float(one["since"]))["handed"] if found else None


def take_off(lists: Path, made: Iterable[str]) -> None:
    """Take what a finished run has made, or found made, off all lists; an empty list goes away.

    Of what another run is making at the same time nothing is among it: Snakemake locks outputs.
    """
    done = set(made)
    for path in lists.glob("*.json"):
        found = _read(path)
        left = [name for name in found["outputs"] if name not in done]
        if not left:
            path.unlink(missing_ok=True)
        elif len(left) < len(found["outputs"]):
            _write(path, found, left)


def unmade_outputs(lists: Path) -> list[str]:
    """What listed runs have not made: files that are missing, folders that are older than the run.

    A file that is there needs no list: Snakemake knows what its job was, and whether it still is.
    """
    return sorted({name for path in lists.glob("*.json") for name in _unmade(path)})


def _unmade(path: Path) -> list[str]:
    found = _read(path)
    since, names = found["since"], [Path(name) for name in found["outputs"]]
    return [str(name) for name in names if not name.exists() or _is_older(name, since)]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        # Earlier versions handed nothing over.
        return {
            "since": float(found["since"]),
            "outputs": [str(name) for name in found["outputs"]],
            "handed": {"jobs": {}} | found.get("handed", {}),
        }
    except (OSError, ValueError, KeyError, TypeError):
        # Damaged, or another run has just taken it away.
        return {"since": 0.0, "outputs": [], "handed": {"jobs": {}}}


def _write(path: Path, found: Mapping[str, Any], outputs: Iterable[str]) -> None:
    write_text(path, json.dumps({**found, "outputs": sorted(outputs)}) + "\n")


def _is_older(path: Path, since: float) -> bool:
    if not path.is_dir():
        return False
    times = [file.stat().st_mtime for file in path.rglob("*") if file.is_file()]
    return max(times, default=0.0) < since
