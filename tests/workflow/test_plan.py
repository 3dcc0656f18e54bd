"""The job lists of the shipped experiments."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from tests.workflow.conftest import REPOSITORY

STUDY = {
    "data": 1,
    "teacher": 1,
    "cache": 1,
    "verify": 1,
    "student": 12,
    "member": 6,
    "cascade": 3,
    "exit_logits": 16,
    "sweep": 1,
    "plot": 1,
}


@pytest.mark.parametrize("name", ["cifar100", "cifar10", "svhn"])
def test_a_study_plans_the_full_job_list(checkout, name):
    plan = checkout.plan(f"results/{name}_pareto.png")
    assert plan == STUDY


WITHOUT_ONNX = """
import importlib.metadata, importlib.util

version, find_spec = importlib.metadata.version, importlib.util.find_spec


def absent(name):
    if name.startswith("onnx"):
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)


importlib.metadata.version = absent
importlib.util.find_spec = lambda name, *more: (
    None if name.startswith("onnx") else find_spec(name, *more)
)
"""


ONNX_TEACHER = """
dataset: {name: digits}
teacher: {onnx: teacher.onnx}
student: {network: {name: resnet10}, train: {epochs: 1, batch_size: 64}}
seeds: [0]
variants: {kd: {method: kd}}
"""


def test_a_teacher_whose_libraries_are_missing_is_refused_in_one_sentence(checkout):
    (checkout.root / "sitecustomize.py").write_text(WITHOUT_ONNX, encoding="utf-8")
    (checkout.root / "mine.yaml").write_text(ONNX_TEACHER, encoding="utf-8")
    options = ("--dry-run", "results/mine_pareto.png", "--config", "experiments=.")
    done = checkout.snakemake(*options, check=False)
    said = (done.stdout + done.stderr).splitlines()
    assert done.returncode != 0
    wanted = "mine.yaml: teacher.onnx needs onnx: pip install 'erde[export]'"
    assert sum(wanted in line for line in said) == 1
    assert not any("Traceback" in line for line in said)


def test_a_picture_needs_no_onnx(checkout):
    """Installed are the extras of the workflow and of PyTorch alone."""
    (checkout.root / "sitecustomize.py").write_text(WITHOUT_ONNX, encoding="utf-8")
    assert checkout.plan("results/cifar100_pareto.png") == STUDY
    for target, who in {"int8.csv": "int8", "deploy/erde-seed0": "a deployment"}.items():
        done = checkout.snakemake("--dry-run", f"results/cifar100/{target}", check=False)
        assert done.returncode != 0
        said = (done.stdout + done.stderr).splitlines()
        assert sum(f"{who} needs onnx: pip install 'erde[export]'" in s for s in said) == 1
    assert not any("Traceback" in line for line in said)


def test_cross_fitting_plans_one_more_teacher_per_fold(checkout):
    path = checkout.root / "workflow/experiments/cifar100.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("teacher:\n", "teacher:\n  folds: 3\n", 1), encoding="utf-8")
    assert checkout.plan("results/cifar100_pareto.png")["teacher"] == 4


def planned_threads(checkout, *names):
    """{experiment: {rule: threads of its jobs}} with 8 cores; Snakemake leaves out what is 1."""
    targets = [f"results/{name}_pareto.png" for name in names]
    shown = checkout.snakemake("--dry-run", "--cores", "8", *targets).stdout
    found = {name: {} for name in names}
    for job in re.split(r"\n(?=(?:local)?rule )", shown)[1:]:
        rule = re.match(r"(?:local)?rule (\w+):", job)[1]
        threads = re.search(r"^ +threads: (\d+)$", job, re.M)
        made_for = re.search(r"^ +wildcards: experiment=([^,\n]+)", job, re.M)
        if made_for:
            jobs = found[made_for[1]].setdefault(rule, set())
            jobs.add(int(threads[1]) if threads else 1)
    return found


def test_trainings_share_the_cores_as_the_page_says(checkout):
    """The teacher has eight of eight, many students one each, few of them more."""
    page = (REPOSITORY / "docs/cluster.md").read_text(encoding="utf-8")
    table = page[page.index("| `snakemake --cores 8`") :].split("\n\n")[0]
    first, few, last = (row.strip("| ").split(" | ") for row in table.splitlines()[2:])
    path = checkout.root / "workflow/experiments/cifar100.yaml"
    keys = yaml.safe_load(path.read_text(encoding="utf-8"))
    two = yaml.safe_load(re.search(r"`variants: (.*)`", few[0])[1])
    checkout.write_experiment("few", keys | {"seeds": [0], "variants": two})
    rows = [(re.findall("`(.+?)`", row[0]), row[1:]) for row in (first, last)]
    rows.append((["few"], few[1:]))
    found = planned_threads(checkout, *(name for names, _ in rows for name in names))
    for names, (asked, learning) in rows:
        for name in names:
            of, where = found[name], {"teacher", "cache", "verify"}
            assert {rule: of[rule] for rule in where} == {rule: {int(asked)} for rule in where}, (
                name
            )
            assert of["student"] == of["exit_logits"] == {int(learning)}, name
            assert of.get("member", {int(learning)}) == {int(learning)}, name


def test_threads_that_are_set_are_asked_for(checkout):
    path = checkout.root / "workflow/experiments/cifar100.yaml"
    text = path.read_text(encoding="utf-8")
    of_teacher = text.replace("batch_size: 128,", "batch_size: 128, threads: 3,", 1)
    path.write_text(of_teacher, encoding="utf-8")
    found = planned_threads(checkout, "cifar100")["cifar100"]
    assert found["teacher"] == found["cache"] == {3}
    assert found["student"] == found["exit_logits"] == {1}


def test_online_students_need_no_cache(checkout):
    path = checkout.root / "workflow/experiments/cifar100.yaml"
    text = path.read_text(encoding="utf-8")
    online = text[: text.index("variants:")] + "variants: {kd: {method: kd, teacher: online}}\n"
    path.write_text(online, encoding="utf-8")
    plan = checkout.plan("results/cifar100_pareto.png")
    assert "cache" not in plan
    assert plan["teacher"] == 1


def test_an_older_snakemake_is_refused_in_a_sentence(checkout):
    older = (
        "import snakemake.common as c; c.__version__ = '8.3'; from snakemake.cli import *; main()"
    )
    command = [sys.executable, "-c", older, "--dry-run", "results/digits_pareto.png"]
    env = os.environ | {"PYTHONPATH": str(checkout.root)}
    done = subprocess.run(command, cwd=checkout.root, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Expecting Snakemake version 9.0 or higher (you are currently using 8" in done.stdout
    assert "Traceback" not in done.stdout


def test_int8_adds_the_networks_of_the_variant_that_is_shown(checkout):
    path = checkout.root / "workflow/experiments/cifar100.yaml"
    seeds = len(yaml.safe_load(path.read_text(encoding="utf-8"))["seeds"])
    with path.open("a", encoding="utf-8") as file:
        file.write("int8: true\n")
    assert checkout.plan("results/cifar100_pareto.png") == STUDY | {"int8": seeds}
    options = ("--config", "rivals=false", "latency=false", "--")
    plan = checkout.plan(*options, "results/cifar100_report.html")
    wanted = {"int8": seeds, "deploy_int8": seeds, "int8_table": 1}
    assert {rule: n for rule, n in plan.items() if "int8" in rule} == wanted


def test_a_folder_in_8_bits_needs_no_key(checkout):
    plan = checkout.plan("results/cifar100/deploy/kd-seed0-int8")
    assert (plan["int8"], plan["deploy_int8"], plan["student"]) == (1, 1, 1)
