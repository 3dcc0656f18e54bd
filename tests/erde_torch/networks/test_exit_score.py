"""PyTorch and an ONNX graph compute every score as ``erde_core`` does."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from erde_core.scores.fitted import LABELS, FittedScore, fit_score
from erde_core.softmax import entropy
from erde_torch.export.graph_export import OPSET
from erde_torch.export.score_graph import add_score
from erde_torch.networks.exit_score import ExitScore
from erde_torch.networks.multi_exit import exit_entropy
from tests.erde_core.scores.exits import exits


def real_and_extreme():
    """A trained network's logits; exits that are sure beyond float32, and ones that hesitate."""
    logits, labels = exits("real")
    odd = np.zeros((4, *logits.shape[1:]), np.float32)
    odd[0, :, 3], odd[1, :, 3], odd[2, :, 3:5], odd[3, :, 0] = 60, -60, 25, 1e-3
    return logits, labels, np.concatenate([logits, odd])


@pytest.mark.parametrize("label", LABELS)
def test_as_the_evaluation_in_pytorch_and_in_a_graph(label):
    logits, labels, shown = real_and_extreme()
    score = fit_score(label, logits, labels)
    expected = score.values(shown)
    for e in range(shown.shape[1]):
        rows = np.ascontiguousarray(shown[:, e])
        found = ExitScore(score, e)(torch.from_numpy(rows)).numpy()
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, expected[:, e], rtol=1e-9, atol=1e-15)
    for e in range(shown.shape[1] - (label == "gate")):  # the last exit has no gate
        session = onnxruntime.InferenceSession(graph(score, e, shown.shape[2]).SerializeToString())
        assert [output.name for output in session.get_outputs()] == ["logits", score.name, "more"]
        for rows in (shown[:, e], shown[:1, e]):
            said, found, _ = session.run(None, {"rows": rows})
            assert np.array_equal(said, rows)
            np.testing.assert_allclose(found, expected[: len(rows), e], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("label", LABELS)
def test_masked_classes_count_as_in_the_evaluation(label):
    """A logit of -inf is a class of probability 0, not an image that never leaves."""
    logits, labels, _ = real_and_extreme()
    score = fit_score(label, logits, labels)
    shown = logits[:40].copy()
    shown[::2, :, 4:], shown[::5, :, 0] = -np.inf, -np.inf
    shown[7, :, 1:] = -np.inf  # one class is left
    expected = score.values(shown)
    assert np.isfinite(expected).all()
    for e in range(shown.shape[1] - 1):
        rows = np.ascontiguousarray(shown[:, e])
        found = ExitScore(score, e)(torch.from_numpy(rows)).numpy()
        np.testing.assert_allclose(found, expected[:, e], rtol=1e-9, atol=1e-15)
        session = onnxruntime.InferenceSession(graph(score, e, shown.shape[2]).SerializeToString())
        said = session.run(None, {"rows": rows})[1]
        np.testing.assert_allclose(said, expected[:, e], rtol=1e-9, atol=1e-15)


def test_the_entropy_of_finite_logits_is_the_bare_sum_to_the_bit():
    """So thresholds and stored entropies of networks without masked classes mean the same."""
    generator = torch.Generator().manual_seed(0)
    for classes in (2, 10, 100, 1000):
        logits = (
            torch.randn(200, classes, generator=generator) * torch.logspace(-2, 3, 200)[:, None]
        )
        log_p = logits.double().log_softmax(dim=1)
        bare = (log_p.exp() * log_p).sum(dim=1).abs()
        assert torch.equal(exit_entropy(logits), bare)


@pytest.mark.parametrize("undefined", [[np.nan, 0, 1], [np.inf, 0, 1], [-np.inf] * 3])
def test_the_entropy_of_undefined_logits_is_none(undefined):
    rows = np.array([undefined], np.float32)
    assert exit_entropy(torch.from_numpy(rows)).isnan().all()
    assert np.isnan(entropy(rows)).all()


def graph(score, e, classes):
    """A network that passes on what it is given, with the score added."""
    shape = ["batch", classes]
    values = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name in ("rows", "logits", "more")
    }
    nodes = [helper.make_node("Identity", ["rows"], [name]) for name in ("logits", "more")]
    body = helper.make_graph(nodes, "x", [values["rows"]], [values["logits"], values["more"]])
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    onnx.checker.check_model(model)
    return add_score(model, score, e, classes)


@pytest.mark.parametrize("label", LABELS)
def test_undefined_logits_never_leave(label):
    logits, labels, _ = real_and_extreme()
    score, rows = fit_score(label, logits, labels), torch.full((2, logits.shape[2]), torch.nan)
    assert not (ExitScore(score, 0)(rows) < score.largest).any()


def test_a_score_without_a_function_is_refused():
    with pytest.raises(ValueError, match=r"score must be one that PyTorch computes \(entropy, max"):
        ExitScore(FittedScore("ratio", 10), 0)
