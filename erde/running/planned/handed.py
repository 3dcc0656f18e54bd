"""What a run hands to its jobs: what it planned for each of them, and from which code."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from erde.running.asking.versions import installed_version
from erde.running.code_hash import script_hash
from erde.running.planned.recipe import Recipe

# What is by right not as planned: the machine, and images, whose identity data.h5 keeps.
_OPEN = ("machine", "images")


def handed_over(
    jobs: Iterable[Any], recipes: Mapping[str, Recipe], tree: str, rules: Path
) -> dict[str, Any]:
    """What :func:`list_outputs` is to write down for the jobs of a run, as plain data.

    Args:
        jobs: Snakemake's.
        recipes: of their code hashes.
        tree: the ``tree_hash`` from before any of these was made.
        rules: the folder that the paths of their scripts start from.
    """
    scripted = [job for job in jobs if job.rule.script]
    found = {str(job.output[0]): _of_job(job, rules) for job in scripted}
    libraries = sorted({name for recipe in recipes.values() for name in recipe.libraries})
    return {
        "tree": tree,
        "versions": {name: installed_version(name) for name in libraries},
        "recipes": {name: asdict(recipe) for name, recipe in recipes.items()},
        "jobs": found,
    }


def _of_job(job: Any, rules: Path) -> dict[str, Any]:  # noqa: ANN401
    path = Path(os.path.normpath(rules / str(job.rule.script)))
    script = {"path": str(path), "hash": script_hash(path)}
    return {"params": param_hashes(job.params), "script": script}


def param_hashes(params: Any) -> dict[str, str]:  # noqa: ANN401
    """Of each of a job's params that must be as planned."""
    return {key: _hash(value) for key, value in params.items() if key not in _OPEN}


def _hash(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
