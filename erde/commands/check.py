"""Read an experiment file, and say what would be trained, on how much, in how much memory."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from erde_core.errors import ErdeError

if TYPE_CHECKING:
    from erde.experiment.schema import Experiment
    from erde.running.asking.questions import Questions
    from erde_torch.training.settings import StudentSettings, TeacherSettings

_JOBS = ("data", "teacher", "cache", "verify", "student", "exit_logits")


def add_options(parser: argparse.ArgumentParser) -> None:
    """``FILE`` and ``--json``."""
    parser.add_argument("file", type=Path, metavar="FILE", help="an experiment file")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(options: argparse.Namespace) -> int:
    """Print it; ErdeError with one sentence where a rule is broken."""
    from erde.experiment.schema import read_experiment
    from erde.running.asking.questions import Questions

    questions, asked = Questions(), read_experiment(options.file)
    try:
        experiment, remarks = _checked(asked, options.file, questions)
        found = summary(experiment, questions) | {"remarks": remarks}
    except ErdeError as error:
        raise ErdeError(f"{options.file}: {error}") from None
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(_lines(options.file, found)))
    return 0


def _checked(
    experiment: "Experiment", file: Path, questions: "Questions"
) -> tuple["Experiment", list[str]]:
    """The experiment for its networks' exits, and what is remarkable about images and teacher."""
    from erde.datasets.fingerprint import images_identity
    from erde.experiment.options import RunOptions
    from erde.running.asking.fitted import fitted
    from erde.running.gpus.gpu_claim import visible_gpus
    from erde.running.machine import memory_mb
    from erde.running.plan import check_before_any_job

    on_gpu = experiment.device == "cuda" or (experiment.device == "auto" and visible_gpus() > 0)
    said: list[str] = []
    found, facts = fitted(experiment, questions)
    results, machine = Path("results", file.stem), (memory_mb(), questions)
    identity = None  # where nothing was made of the images they are looked at
    if (results / "data.h5").exists():
        data = Path(RunOptions().data)
        identity = images_identity(found.dataset, data, results, said.append)
    check_before_any_job(found, results, identity, *machine, said.append, on_gpu=on_gpu)
    return found, [*said, *(facts.remarks if facts else ())]


def summary(experiment: "Experiment", questions: "Questions") -> dict[str, Any]:
    """What the experiment comes to, as plain data; sizes in MB of 10⁶ bytes."""
    from erde.experiment.trainings import is_cascade
    from erde.running.cluster.needs import cache_bytes, facts_or_none, memory_mb

    facts = facts_or_none(experiment)
    trained, seeds = experiment.trained_teacher, experiment.seeds
    cached = any(variant.reads_cache for variant in experiment.variants.values())
    return {
        "dataset": experiment.dataset.name,
        "images": None if facts is None else vars(facts),
        "teacher": _part(trained) if trained else _given(experiment),
        "student": _part(experiment.student),
        "teachers": 0
        if trained is None
        else 1 + (trained.folds if trained.folds > 1 and cached else 0),
        "variants": {name: variant.method for name, variant in experiment.variants.items()},
        "own_train": {name: one.train for name, one in experiment.variants.items() if one.train},
        "seeds": seeds,
        "students": len(experiment.trainings()) * len(seeds),
        "cascades": [label for label, one in experiment.variants.items() if is_cascade(one)],
        "views": (experiment.cache.view_count or experiment.augment.orbit) if cached else 0,
        "cache_mb": -(-cache_bytes(experiment, facts) // 10**6) if cached and facts else 0,
        "device": experiment.device,
        "memory_mb": {job: memory_mb(experiment, job, questions) for job in _JOBS},
    }


def _part(settings: "TeacherSettings | StudentSettings") -> dict[str, Any]:
    network, train = settings.network, settings.train
    return {
        "network": network.name,
        "width": network.width,
        "epochs": train.epochs,
        "batch_size": train.batch_size,
    }


def _given(experiment: "Experiment") -> dict[str, Any]:
    """A teacher that is there already: its files, and its exits where they are known."""
    given = experiment.given_teacher
    files = {key: str(path) for key, path in given.files.items()} if given else {}
    return {"files": files, "exits": experiment.exits.teacher}


def _lines(file: Path, found: dict[str, Any]) -> list[str]:
    images, most = found["images"], max(found["memory_mb"].items(), key=lambda pair: pair[1])
    size = "{height} × {width}, {classes} classes".format(**images) if images else ""
    lines = [f"{file}: a valid experiment"]
    if images:
        counts = "{train:,} / {val:,} / {test:,} train / val / test images".format(**images)
        lines.append(f"  data      {found['dataset']}: {counts}, {size}")
    lines += [_part_line(part, found[part]) for part in ("teacher", "student")]
    by_method = ", ".join(_variant_line(name, found) for name in found["variants"])
    networks = found["students"] // len(found["seeds"])
    made = f"; put together: {', '.join(found['cascades'])}" if found["cascades"] else ""
    return [
        *lines,
        f"  cache     {found['views']} views, {found['cache_mb']:,} MB",
        f"  trainings {found['teachers']} teacher(s), {found['students']} students: "
        f"{networks} {'networks' if made else 'variants'} × {len(found['seeds'])} seeds{made}",
        f"  variants  {by_method}",
        f"  memory    at most {most[1]:,} MB ({most[0]}); a loose upper bound",
        *(f"  remark    {remark}" for remark in found["remarks"]),
    ]


def _variant_line(name: str, found: dict[str, Any]) -> str:
    """Its name; in brackets its method where the name does not say it, and its own ``train``."""
    from erde.experiment.own_train import described

    method, own = found["variants"][name], described(found["own_train"].get(name, {}))
    more = [text for text in (method if name != method else "", own) if text]
    return f"{name} ({': '.join(more)})" if more else name


def _part_line(name: str, part: dict[str, Any]) -> str:
    if "files" in part:
        files = ", ".join(part["files"].values())
        exits = f", {part['exits']} exit(s)" if part["exits"] else ""
        return f"  {name:9} is there already: {files}{exits}"
    form = "{network} × width {width:g}, {epochs} epochs in batches of {batch_size}"
    return f"  {name:9} {form.format(**part)}"
