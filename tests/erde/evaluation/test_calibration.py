"""Calibration by hand, and on answers that are as sure as they are right."""

import numpy as np
import pytest

from erde.evaluation.calibration import BINS, calibration_error, reliability


def test_by_hand():
    confidence = np.array([0.2, 0.19, 0.95, 1.0])
    correct = np.array([True, False, True, False])
    count, mean, accuracy = reliability(confidence, correct)
    assert count[[2, 14]].tolist() == [2, 2]  # 0.2 is the upper end of the third bin
    assert mean[[2, 14]] == pytest.approx([0.195, 0.975])
    assert accuracy[[2, 14]] == pytest.approx([0.5, 0.5])
    assert np.isnan(mean[0])
    assert calibration_error(confidence, correct) == pytest.approx((0.305 + 0.475) / 2)


def test_honest_answers_are_calibrated_and_boasts_are_not():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.1, 1, 100_000)
    honest = rng.uniform(size=100_000) < confidence
    assert calibration_error(confidence, honest) < 0.01
    assert calibration_error(np.ones(1000), honest[:1000]) == pytest.approx(
        1 - honest[:1000].mean()
    )
    assert reliability(confidence, honest)[0].sum() == 100_000
    assert len(reliability(confidence, honest)[0]) == BINS
