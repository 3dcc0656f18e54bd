"""The job lists of the shipped experiments."""

import pytest

STUDY = {
    "data": 1,
    "teacher": 1,
    "cache": 1,
    "verify": 1,
    "student": 12,
    "exit_logits": 13,
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
