"""A loss that acts nowhere is refused: its student would train by weight decay alone."""

import pytest

from erde.experiment.errors import ExperimentError
from tests.erde.experiment.test_trainings import DEAR, EARLY, kd, parsed

NONE = {"ce_weight": 0, "kd_weight": 0, "entropy_weight": 0}
FIRST, LAST = [1, 0, 0, 0], [0, 0, 0, 1]
ACTS = "exit_weights must hold a number above 0 for an exit at which a term acts"


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        ({"method": "ce", "ce_weight": 0}, "one of ce_weight, .* must be above 0, got 0 for all$"),
        ({"method": "kd", "exit_weights": [0] * 4}, r"exit_weights must .*, got \[0, 0, 0, 0\]$"),
        ({"method": "dkd", "decoupled": [0, 0]}, r"decoupled must .* kd_weight is, got \[0, 0\]$"),
        ({"method": "kd", "ce_weight": 0, "kd_exits": "late", "exit_weights": FIRST}, ACTS),
        (NONE | {"method": "ce", "self_weight": 1, "exit_weights": LAST}, ACTS),
        (
            NONE
            | {"method": "erde", "entropy_weight": 1, "entropy_exits": "early"}
            | {"exit_weights": LAST},
            ACTS,
        ),
    ],
)
def test_a_variant_that_learns_nothing_is_refused(keys, rule):
    with pytest.raises(ExperimentError, match=rf"^x.yaml: variants.nothing: {rule}"):
        parsed(nothing=keys)


def test_a_member_that_learns_nothing_is_refused():
    assert parsed(both=kd(DEAR, EARLY, exit_weights=[1, 0, 0, 0, 1]))
    rule = r"in each member of the cascade, got \[0\]$"
    with pytest.raises(ExperimentError, match=rf"^x.yaml: variants.both: exit_weights .* {rule}"):
        parsed(both=kd(DEAR, EARLY, exit_weights=[0, 1, 1, 1, 1]))


def test_one_term_at_one_exit_is_enough():
    assert parsed(a=NONE | {"method": "kd", "self_weight": 1, "exit_weights": FIRST})
    assert parsed(a={"method": "dkd", "decoupled": [0, 1], "ce_weight": 0})
