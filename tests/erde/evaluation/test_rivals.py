"""How early exit is held against static rivals."""

import numpy as np
import pytest

from erde.evaluation.rivals import rival_rows
from erde_core.store.exit_logits import ExitLogits
from tests.erde.evaluation.networks import MACS, network, split


def test_early_exit_against_a_rival_by_hand():
    students = {("erde", s): network(s, 1.5) for s in (0, 1)}
    rng = np.random.default_rng(9)
    weak = ExitLogits(split(rng, 200, 0.0), split(rng, 200, 0.0), MACS, "data", "weak")
    rivals = {("truncated1", s): weak for s in (0, 1)} | {("narrow1", s): weak for s in (0, 1)}
    first, second = rival_rows(students, rivals, {"truncated1": 19, "narrow1": 18}, MACS)
    right = weak.test.logits.argmax(2) == weak.test.labels[:, None]
    assert first["rival_accuracy"] == right[:, 1].mean()
    assert second["rival_accuracy"] == right[:, 2].mean()
    on_val = weak.val.logits.argmax(2) == weak.val.labels[:, None]
    assert first["rival_val_accuracy"] == on_val[:, 1].mean()
    assert second["rival_val_accuracy"] == on_val[:, 2].mean()
    assert (first["budget_macs"], first["rival_macs"], second["rival_macs"]) == (20, 19, 18)
    assert first["variant_macs"] == pytest.approx(20, abs=1)
    gain = first["variant_accuracy"] - first["rival_accuracy"]
    assert first["difference"] == pytest.approx(gain)
    assert first["these_seeds_low"] > 0
