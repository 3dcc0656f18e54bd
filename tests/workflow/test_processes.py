"""Trainings that are shared by two processes each, in a run."""

import copy
import csv

from tests.workflow.conftest import TINY


def test_two_processes_train_teacher_and_student(checkout):
    keys = copy.deepcopy(TINY) | {"variants": {"kd": {"method": "kd"}}}
    for part in ("teacher", "student"):
        keys[part]["train"]["processes"] = 2
    checkout.write_experiment("two", keys)
    target = "results/two/kd/seed0/exit_logits.h5"  # what was trained can be asked
    checkout.snakemake("--cores", "2", target)
    for name in ("teacher", "kd/seed0"):
        log = (checkout.root / f"results/two/logs/{name}.log").read_text(encoding="utf-8")
        assert log.count("· validation ") == 2  # one process speaks
        assert log.splitlines()[-1].split("] ")[1].startswith("done in ")
        with open(checkout.root / f"results/two/{name}/history.csv", encoding="utf-8") as file:
            assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    keys["student"]["train"]["processes"] = keys["teacher"]["train"]["processes"] = 1
    checkout.write_experiment("two", keys)
    assert checkout.plan(target) == {}  # the results stay what they are
