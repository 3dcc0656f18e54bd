"""Write the report of an experiment."""

from importlib import metadata

import yaml

from erde.evaluation.pareto import check_comparable
from erde.evaluation.tables import TABLES
from erde.experiment.own_train import described
from erde.report.page import report_page
from erde.report.source import Source
from erde.running.job import running
from erde_core.scores.scored_logits import score_networks
from erde_core.store.dataset import dataset_hash, read_dataset
from erde_core.store.exit_logits import read_exit_logits, read_networks
from erde_core.store.files import write_text

VERSIONS = ("erde", "numpy", "numba", "torch", "torchvision", "snakemake", "plotly")

with running(f"{snakemake.wildcards.experiment} · report", snakemake.log[0]) as say:
    inputs, params = snakemake.input, snakemake.params
    teacher, dataset = read_exit_logits(inputs.teacher_logits), read_dataset(inputs.data)
    networks = read_networks(params.students, inputs.students)
    students = score_networks(params.score, networks)
    check_comparable(teacher, students)
    hashes = {"data set": dataset_hash(dataset), "teacher": teacher.network}
    hashes |= {f"{variant}/seed{seed}": s.network for (variant, seed), s in students.items()}
    behind = {
        "Data": dataset.source,
        "SHA-256 of contents": yaml.safe_dump(hashes, sort_keys=False, width=1000),
        "Versions that wrote this page": yaml.safe_dump(
            {name: metadata.version(name) for name in VERSIONS}
        ),
        "Configuration, defaults included": yaml.safe_dump(params.config, sort_keys=False),
    }
    rows = {"rivals": [], "latency": [], "int8": []}
    asked = [*params.tables, *(["int8"] if inputs.int8 else [])]
    rows |= {name: TABLES[name].read(str(inputs[name])) for name in asked}
    name = snakemake.wildcards.experiment
    variants = params.config["variants"].items()
    own_train = {label: described(keys["train"]) for label, keys in variants if "train" in keys}
    source = Source(name, params.methods, rows, teacher, students, dataset, behind, own_train)
    write_text(snakemake.output[0], report_page(source))
    say(f"the report is {snakemake.output[0]}")
