"""Networks of several precisions are compared, and it is said."""

import numpy as np

from erde.evaluation.precisions import mixed_training, trained_in
from erde_core.store.exit_logits import ExitLogits, SplitLogits

SPLIT = SplitLogits(np.zeros((1, 1, 2), np.float32), np.zeros(1, np.int64), np.zeros(1, np.int64))


def test_it_is_said_which_were_trained_in_which():
    networks = {
        ("kd", seed): ExitLogits(SPLIT, SPLIT, np.ones(1, np.int64), "d", "n", trained=precision)
        for seed, precision in enumerate(("float32", "bf16", "bf16", ""))
    }
    said = mixed_training(trained_in(networks))
    assert said.startswith(
        "networks were trained in bf16 (kd/seed1, kd/seed2) and in float32 (kd/seed0): a difference"
    )


def test_a_cascade_of_both_is_not_one_of_either():
    said = mixed_training([("kd", "bf16"), ("cascade", "mixed")])
    assert said.startswith("networks were trained in bf16 (kd) and in both (cascade): a difference")


def test_nothing_is_said_of_one_precision_or_of_an_unknown_one():
    for known in (("bf16", "bf16"), ("float32", ""), ("", ""), ()):
        assert mixed_training(("kd/seed0", precision) for precision in known) == ""
