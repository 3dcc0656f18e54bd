"""DKD and logit standardisation as their papers' code writes them, in float64, on the same inputs.

Written anew from the published formulas: Zhao et al. (2022, arXiv 2203.08679; the code of
mdistiller) take the logarithm of summed probabilities and push the label's logit down by 1000; Sun
et al. (2024, arXiv 2403.01427) standardise with the deviation of C - 1. Both average over N.
"""

import numpy as np
import pytest

import erde_core.fast
from erde_core import method_settings

SAMPLES, CLASSES = 64, 100
PACKAGES = pytest.mark.parametrize("package", [erde_core, erde_core.fast], ids=["numpy", "fast"])


@pytest.fixture
def inputs():
    rng = np.random.default_rng(3)
    student, teacher = 3 * rng.standard_normal((2, SAMPLES, CLASSES))
    labels = rng.integers(CLASSES, size=SAMPLES)
    teacher[np.arange(SAMPLES), labels] += 6
    return student, teacher, labels


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def kl(target, student):
    return (target * (np.log(target + 1e-300) - np.log(student + 1e-300))).sum() / SAMPLES


def published_dkd(student, teacher, labels, alpha, beta, tau):
    here = np.eye(CLASSES)[labels]
    p, q = (softmax(x / tau) for x in (student, teacher))
    pairs = [np.stack([(x * here).sum(1), (x * (1 - here)).sum(1)], 1) for x in (q, p)]
    others = [softmax(x / tau - 1000 * here) for x in (teacher, student)]
    return tau**2 * (alpha * kl(*pairs) + beta * kl(*others))


def standardised(logits):
    mean = logits.mean(axis=1, keepdims=True)
    return (logits - mean) / (1e-7 + logits.std(axis=1, ddof=1, keepdims=True))


def ours(package, student, teacher, labels, settings):
    return package.erde_loss(student[:, None], teacher[:, None], labels, settings).mean()


@PACKAGES
@pytest.mark.parametrize(("alpha", "beta", "tau"), [(1.0, 8.0, 4.0), (1.0, 2.0, 4.0), (2, 0.5, 1)])
def test_dkd(package, inputs, alpha, beta, tau):
    pair = {"decoupled": (alpha, beta), "temperature": tau, "ce_weight": 0.0}
    found = ours(package, *inputs, method_settings("dkd", **pair))
    assert found == pytest.approx(published_dkd(*inputs, alpha, beta, tau), abs=1e-9)


@PACKAGES
@pytest.mark.parametrize("tau", [1.0, 2.0, 4.0])
def test_standardised_kd(package, inputs, tau):
    student, teacher, _ = inputs
    target, own = (softmax(standardised(x) / tau) for x in (teacher, student))
    settings = method_settings("kd_ls", temperature=tau, ce_weight=0.0)
    expected = 9 * tau**2 * kl(target, own)
    assert ours(package, *inputs, settings) == pytest.approx(expected, abs=1e-9)


@PACKAGES
def test_standardised_dkd(package, inputs):
    student, teacher, labels = inputs
    settings = method_settings("dkd", standardise=True, ce_weight=0.0)
    expected = published_dkd(standardised(student), standardised(teacher), labels, 1, 8, 4)
    assert ours(package, *inputs, settings) == pytest.approx(expected, abs=1e-9)
