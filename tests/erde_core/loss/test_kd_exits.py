"""KD at all exits, or at all but the first."""

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


def test_one_exit_has_no_late_one():
    student, teacher, labels = arguments(exits=1)
    late = LossSettings(kd_exits="late")
    with pytest.raises(ValueError, match="kd_exits 'late' needs at least 2 exits, got 1"):
        erde_loss(student, teacher, labels, late)
    erde_loss(student, None, labels, method_settings("ce", kd_exits="late"))  # nobody imitates
