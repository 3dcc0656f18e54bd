"""The graphs decide as the reference, for any batch size, and leave out what is not needed."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from erde_core.policy import exit_indices
from erde_core.softmax import entropy
from erde_torch.export.onnx_graph import single_model, stage_models
from tests.erde_torch.deployable import with_a_masked_class


def profiled_operators(path, inputs, folder, level):
    """The exit taken, and how often ONNX Runtime ran each kind of operator, by its own profiler."""
    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(folder / "profile")
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(path, options)
    exit_taken = session.run(["exit"], inputs)[0][0]
    events = json.loads(Path(session.end_profiling()).read_text())
    ran = (event["args"]["op_name"] for event in events if event["name"].endswith("_kernel_time"))
    return exit_taken, Counter(ran)


@pytest.fixture
def images(deployable):
    return deployable.images.contiguous().numpy()


@pytest.mark.parametrize("count", [1, 2, 7, 150])
def test_stages_give_the_logits_of_the_network(exported, deployable, images, count):
    features = images[:count]
    for e in range(4):
        session = onnxruntime.InferenceSession(exported / f"stage{e}.onnx")
        outputs = session.run(None, {session.get_inputs()[0].name: features})
        expected = deployable.split.logits[:count, e]
        np.testing.assert_allclose(outputs[0], expected, rtol=1e-4, atol=1e-4)
        if e < 3:
            assert outputs[1].dtype == np.float64
            np.testing.assert_allclose(outputs[1], entropy(outputs[0]), rtol=1e-9)
            features = outputs[2]


def test_images_leave_early_where_a_class_is_masked(deployable, images):
    masked = with_a_masked_class(deployable.network)
    with torch.no_grad():
        entropies = entropy(masked(deployable.images).numpy())
    assert np.isfinite(entropies).all()
    thresholds = np.quantile(entropies[:, :-1], 0.4, axis=0) + 1e-6
    models = stage_models(masked, images.shape[1:])
    features = images
    for e, model in enumerate(models[:-1]):
        session = onnxruntime.InferenceSession(model.SerializeToString())
        _, found, features = session.run(None, {session.get_inputs()[0].name: features})
        np.testing.assert_allclose(found, entropies[:, e], atol=1e-4)
    session = onnxruntime.InferenceSession(single_model(models).SerializeToString())
    for n, expected in enumerate(exit_indices(entropies[:30], thresholds)):
        inputs = {"images": images[n : n + 1], "thresholds": thresholds}
        assert session.run(["exit"], inputs)[0][0] == expected


def test_the_last_stage_answers_only(exported):
    model = onnx.load(exported / "stage3.onnx")
    assert [output.name for output in model.graph.output] == ["logits"]
    assert "LogSoftmax" not in {node.op_type for node in model.graph.node}


def test_the_single_graph_takes_one_threshold_per_exit(exported, deployable, images):
    entropies = entropy(deployable.split.logits)
    session = onnxruntime.InferenceSession(exported / "single.onnx")
    thresholds = np.quantile(entropies[:, :-1], 0.4, axis=0) + 1e-7
    expected = exit_indices(entropies, thresholds)
    assert set(expected) == {0, 1, 2, 3}
    for n in range(60):
        inputs = {"images": images[n : n + 1], "thresholds": thresholds}
        logits, exits, first = session.run(None, inputs)
        assert exits[0] == expected[n]
        reference = deployable.split.logits[n, expected[n]]
        np.testing.assert_allclose(logits[0], reference, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(first, entropies[n, :1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "level",
    [
        onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    ],
)
def test_later_stages_of_the_single_graph_do_not_run(exported, deployable, images, tmp_path, level):
    entropies = entropy(deployable.split.logits)
    thresholds = np.quantile(entropies[:, :-1], 0.4, axis=0) + 1e-7
    expected = exit_indices(entropies, thresholds)
    for e in range(4):
        n = int(np.flatnonzero(expected == e)[0])
        inputs = {"images": images[n : n + 1], "thresholds": thresholds}
        taken, ran = profiled_operators(exported / "single.onnx", inputs, tmp_path, level)
        assert taken == e
        assert ran["Gemm"] == e + 1  # one per head
        if (
            level == onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        ):  # else norms may be Conv too
            assert ran["Conv"] == 3 * (e + 1)  # stem and two, then shortcut and two per stage
        assert ran["If"] == min(e + 1, 3)


def test_graphs_name_no_file_of_the_machine_that_exported(exported):
    for path in exported.glob("*.onnx"):
        content = path.read_bytes()
        assert b"site-packages" not in content
        assert b".py" not in content
