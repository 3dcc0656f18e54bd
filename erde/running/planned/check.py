"""Is what a job finds when it starts what its run planned? Else its result would be misnamed.

Snakemake records what was planned. Code and weights are read when the job starts, which may be
days later; on a cluster the job's rules and options are, too.
"""

import sys
from pathlib import Path
from typing import Any

from erde.running.asking.versions import installed_version
from erde.running.code_hash import script_hash
from erde.running.planned.handed import param_hashes
from erde.running.planned.recipe import Recipe, tree_hash
from erde.running.stopped import LISTS, handed_to
from erde_core.errors import ErdeError
from erde_torch.networks.settings import NetworkSettings

_ROOT = Path(__file__).parents[3]
_CODE = "the code of this job"


def check_as_planned(lists: Path = LISTS, root: Path = _ROOT) -> None:
    """Hold the job of the script that runs here against its plan; without one, nothing.

    Args:
        lists: the folder that :func:`list_outputs` writes to.
        root: the folder that holds the packages.

    Raises:
        ErdeError: what it was to be made of has changed since.
    """
    # Snakemake puts it there. Scripts that gave it themselves would be newer than all that they
    # have made, and Snakemake would make it again.
    job: Any = getattr(sys.modules["__main__"], "snakemake", None)
    if not hasattr(job, "params"):
        return
    handed = handed_to(lists, str(job.output[0]))
    if handed is None:
        return
    _check_params(job, handed["jobs"][str(job.output[0])]["params"])
    _check_code(job, handed, root)
    _check_files(job)


def _changed(what: str) -> ErdeError:
    return ErdeError(f"{what} changed after the run was planned: start the same command again")


def _check_params(job: Any, planned: dict[str, str]) -> None:  # noqa: ANN401
    """On a cluster they are made anew; versions of libraries also here, when the job is due."""
    found = param_hashes(job.params)
    names = [key for key in planned | found if planned.get(key) != found.get(key)]
    if names == ["code"]:
        raise _changed(_CODE)
    if names:
        raise _changed(f"what this job is made of ({', '.join(names)})")


def _check_code(job: Any, handed: dict[str, Any], root: Path) -> None:  # noqa: ANN401
    """Bytes first, and trees only where those differ: a comment may be edited."""
    versions = handed["versions"]
    if handed["tree"] == tree_hash(root) and versions == {
        n: installed_version(n) for n in versions
    }:
        return
    script = handed["jobs"][str(job.output[0])]["script"]
    if script_hash(Path(script["path"])) != script["hash"]:
        raise _changed(script["path"])
    recipe = Recipe(**{k: v and tuple(v) for k, v in handed["recipes"][job.params.code].items()})
    if recipe.code_hash(root) != job.params.code:
        raise _changed(_CODE)


def _check_files(job: Any) -> None:  # noqa: ANN401
    """What a user gives: weights to start from, and a teacher that is there already."""
    params: dict[str, Any] = dict(job.params.items())
    part: Any = params.get("student", params.get("teacher"))
    if params.get("start") is not None:
        network = NetworkSettings(**part["network"])
        if network.start_hash() != params["start"]:
            raise _changed(str(network.weights))
    if "content" in params:
        # Their imports take a second, and other jobs need none of them.
        from erde.experiment.schema import read_experiment
        from erde.running.asking.teacher_facts import file_hashes

        path = f"{job.config['experiments']}/{job.wildcards.experiment}.yaml"
        given = read_experiment(path).given_teacher
        if given is None or file_hashes(given) != params["content"]:
            raise _changed("a file of the teacher")
