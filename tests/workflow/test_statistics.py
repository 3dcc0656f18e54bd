"""The statistics of a finished run, recomputed from its exit logits."""

from tests.workflow.recompute import check_all


def test_every_table_is_what_the_exit_logits_say(finished):
    finished.snakemake("--cores", "2", "results/tiny/operating_points.csv")
    check_all(finished.root / "results/tiny", ("ce", "kd", "erde"), (0,))
