"""Terms that act at some exits: KD at all but the first, ENT and SELF at all but the last."""

from dataclasses import replace

import numpy as np
import pytest

from erde_core import LossSettings, erde_loss, erde_loss_and_gradient, method_settings
from tests.erde_core.loss.test_loss import arguments
from tests.erde_core.loss.test_loss_forms import FORMS


@pytest.mark.parametrize("settings", FORMS[::3])
def test_the_first_exit_alone_is_left_out_where_the_late_ones_imitate(settings):
    student, teacher, labels = arguments(samples=6)
    everywhere, nowhere, late = (
        erde_loss_and_gradient(student, teacher, labels, chosen)
        for chosen in (
            settings,
            replace(settings, kd_weight=0.0),
            replace(settings, kd_exits="late"),
        )
    )
    for whole, without, found in zip(everywhere, nowhere, late, strict=True):
        assert np.array_equal(found[:, 0], without[:, 0])
        assert np.array_equal(found[:, 1:], whole[:, 1:])
    assert not np.array_equal(everywhere[0][:, 0], nowhere[0][:, 0])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (LossSettings(kd_exits="late"), "kd_exits 'late'"),
        (LossSettings(entropy_exits="early"), "entropy_exits 'early'"),
        (LossSettings(self_weight=0.5), "self_weight 0.5"),
    ],
)
def test_one_exit_is_neither_late_nor_early(settings, said):
    student, teacher, labels = arguments(exits=1)
    with pytest.raises(ValueError, match=f"^{said} needs at least 2 exits, got 1$"):
        erde_loss(student, teacher, labels, settings)


def test_one_exit_may_have_settings_of_terms_that_weigh_nothing():
    student, _, labels = arguments(exits=1)
    ce = method_settings("ce", kd_exits="late", entropy_exits="early")
    assert np.array_equal(
        erde_loss(student, None, labels, ce),
        erde_loss(student, None, labels, method_settings("ce")),
    )
