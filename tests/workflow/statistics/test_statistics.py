"""The statistics of a finished run, recomputed from its exit logits."""

from tests.workflow.statistics.recompute import Network, check_all, networks
from tests.workflow.statistics.recompute_decision import check_confusion, check_decision
from tests.workflow.statistics.recompute_differences import check_differences


def test_every_table_is_what_the_exit_logits_say(finished):
    check_all(finished.root / "results/tiny", ("ce", "kd", "erde"), (0,))
    folder = finished.root / "results/tiny"
    students, teacher = networks(folder, ("ce", "kd", "erde"), (0,)), folder / "teacher"
    check_decision(folder, students, Network(teacher / "exit_logits.h5"))
    check_confusion(folder, students)
    check_differences(folder, students, ("ce", "kd", "erde"), (0,))
