"""Cascades in the workflow: members are planned once, and a cascade trains nothing else."""

from tests.workflow.conftest import TINY
from tests.workflow.test_reruns import put_back

THIN = {"name": "resnet10", "width": 0.03125, "exits": []}
DEAR = {"name": "resnet10", "width": 0.09375, "exits": []}
STUDENT = TINY["student"]["network"]


def of(*members, **keys):
    return {"method": "kd", "network": {"cascade": list(members)} | keys}


def test_added_to_a_finished_experiment_they_train_their_members_once(finished):
    more = {
        "plain": {"method": "kd", "network": DEAR},
        "cascade": of(THIN, DEAR),
        "mixture": of(THIN, STUDENT, average=True),  # its second member is the student of kd
    }
    finished.write_experiment("tiny", TINY | {"variants": TINY["variants"] | more})
    try:
        assert finished.plan("results/tiny_pareto.png") == {
            "student": 1,
            "member": 1,
            "cascade": 2,
            "exit_logits": 3,
            "sweep": 1,
            "plot": 1,
        }
        assert finished.plan("results/tiny/deploy/mixture-seed0") == {
            "member": 1,
            "cascade": 1,
            "exit_logits": 1,
            "deploy": 1,
        }
        # The envelope also asks the member by itself.
        plan = finished.plan("results/tiny/envelope.csv", "--config", "rivals=false")
        assert (plan["member"], plan["exit_logits"], plan["envelope"]) == (1, 4, 1)
    finally:
        finished.write_experiment("tiny", TINY)


def test_members_in_another_order_are_another_cascade(finished):
    target = "results/tiny/mixture/seed0/cascade.safetensors"

    def write(*members):
        variants = TINY["variants"] | {"mixture": of(*members)}
        finished.write_experiment("tiny", TINY | {"variants": variants})

    try:
        with put_back(finished):
            write(THIN, STUDENT)
            finished.snakemake("--cores", "2", target)
            assert finished.plan(target) == {}
            write(STUDENT, THIN)
            assert finished.plan(target) == {"cascade": 1}
    finally:
        finished.write_experiment("tiny", TINY)


def test_a_cascade_has_no_weights_to_train(checkout):
    checkout.write_experiment("tiny", TINY | {"variants": {"cascade": of(THIN, DEAR)}})
    target = "results/tiny/cascade/seed0/weights.safetensors"
    done = checkout.snakemake("--dry-run", target, check=False)
    assert done.returncode
    assert "trains nothing in 'cascade'" in done.stdout + done.stderr
