"""The job lists of the shipped experiments."""

import os
import subprocess
import sys

import pytest

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


def test_cross_fitting_plans_one_more_teacher_per_fold(checkout):
    path = checkout.root / "workflow/experiments/cifar100.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("teacher:\n", "teacher:\n  folds: 3\n", 1), encoding="utf-8")
    assert checkout.plan("results/cifar100_pareto.png")["teacher"] == 4


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
