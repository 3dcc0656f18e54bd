"""The demonstration in small, sent through the profile, against the same on this machine."""

import copy

from tests.workflow.conftest import TINY, copy_repository

TABLES = ("pareto.csv", "curves.csv", "teacher_exits.csv")


def experiment():
    keys = copy.deepcopy(TINY)
    del keys["variants"]["kd"]
    return keys


def test_a_picture_through_slurm_has_the_numbers_of_a_local_run(
    checkout, cluster_run, tmp_path_factory
):
    local = copy_repository(tmp_path_factory.mktemp("local"))
    for here in (checkout, local):
        here.write_experiment("small", experiment())
    run = cluster_run(checkout, "results/small_pareto.png")
    local.snakemake("--cores", "2", "results/small_pareto.png")
    said = run.wait()
    assert "has been submitted with SLURM jobid" in said
    for table in TABLES:
        here = (checkout.root / "results/small" / table).read_bytes()
        assert here == (local.root / "results/small" / table).read_bytes()
    assert (checkout.root / "results/small_pareto.png").read_bytes().startswith(b"\x89PNG")
    assert checkout.plan("results/small_pareto.png") == {}
