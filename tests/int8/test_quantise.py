"""All layers are in 8 bits, their ranges come from train images, the score stays exact."""

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from erde_core.softmax import entropy
from erde_torch.export.onnx_graph import stage_models
from erde_torch.int8.bias_correction import channel_means
from erde_torch.int8.quantise import calibration_images, facts_of, quantised_stages
from erde_torch.int8.runtime import normalised, session
from erde_torch.int8.settings import Int8Settings
from erde_torch.int8.stages import stages_hash
from tests.erde_torch.deployable import MEAN, STD
from tests.int8.conftest import BRIGHTEST_TRAINED


def constants(stage):
    return {w.name: numpy_helper.to_array(w) for w in stage.graph.initializer}


def input_scale(stage):
    """Of the layer that quantises the images."""
    node = next(n for n in stage.graph.node if stage.graph.input[0].name in n.input)
    assert node.op_type == "QuantizeLinear"
    return float(constants(stage)[node.input[1]])


def test_ranges_come_from_train_images_alone(in_int8):
    lowest = (0 - np.array(MEAN)) / STD
    highest = (BRIGHTEST_TRAINED / 255 - np.array(MEAN)) / STD
    expected = (max(highest.max(), 0) - lowest.min()) / 255
    assert input_scale(in_int8.stages[0]) == pytest.approx(expected, rel=1e-5)


def test_the_sample_is_fixed_and_of_the_wanted_size():
    train = np.arange(50, dtype=np.uint8)
    once, again = calibration_images(train, 20), calibration_images(train, 20)
    np.testing.assert_array_equal(once, again)
    assert len(set(once.tolist())) == 20
    np.testing.assert_array_equal(calibration_images(train, 51), train)


def test_every_layer_with_weights_reads_8_bits(in_int8):
    layers = 0
    for stage in in_int8.stages:
        made_by = {name: node for node in stage.graph.node for name in node.output}
        for node in stage.graph.node:
            if node.op_type in ("Conv", "Gemm", "MatMul"):
                layers += 1
                sources = [made_by[name] for name in node.input]
                assert {source.op_type for source in sources} == {"DequantizeLinear"}
                weights = constants(stage)[sources[1].input[0]]
                assert weights.dtype == np.int8
                scales = constants(stage)[sources[1].input[1]]
                assert scales.shape == (len(weights) if node.op_type == "Conv" else 10,)
    assert layers == 12 + 4


def test_what_stays_in_float32_is_listed_with_its_size(in_int8):
    left = facts_of(in_int8.stages[0])["exceptions"]
    assert {entry["operator"] for entry in left} == {"BatchNormalization"}
    channels = [head[0].num_features for head in in_int8.network.heads[:-1]]
    assert [entry["bytes"] for entry in left] == [4 * 4 * c for c in channels]
    assert [entry["layer"].split("/")[0] for entry in left] == ["stage0", "stage1", "stage2"]


def test_logits_and_score_are_not_in_8_bits(in_int8):
    inputs = normalised(in_int8.dataset.test.images, in_int8.card)
    logits, score, _ = session(in_int8.stages[0]).run(None, {"images": inputs})
    np.testing.assert_allclose(score, entropy(logits), rtol=1e-12, atol=1e-12)
    assert len(np.unique(logits)) > 256
    assert score.dtype == np.float64


def test_answers_are_near_those_of_float32(in_int8):
    images = normalised(in_int8.dataset.train.images, in_int8.card)
    with torch.no_grad():
        expected = in_int8.network(torch.from_numpy(images)).numpy()
    found = []
    for stage in in_int8.stages:
        said, *more = session(stage).run(None, {stage.graph.input[0].name: images})
        found.append(said)
        images = more[-1] if more else None
    error = np.abs(np.stack(found, axis=1) - expected).mean(axis=(0, 2))
    assert (error < 0.1 * expected.std(axis=(0, 2))).all()


def quantised(in_int8, count=1, **settings):
    stages = stage_models(in_int8.network, in_int8.card.image_shape)[:count]
    images = normalised(in_int8.dataset.train.images, in_int8.card)
    return quantised_stages(stages, images, Int8Settings(**settings))


def test_the_same_network_again_is_the_same_bytes(in_int8):
    assert stages_hash(quantised(in_int8, 4)) == stages_hash(in_int8.stages)


@pytest.mark.parametrize(("reduce_range", "largest"), [(True, 64), (False, 127)])
def test_reduced_weights_have_7_bits(in_int8, reduce_range, largest):
    (stage,) = quantised(in_int8, reduce_range=reduce_range)
    weights = [w for w in constants(stage).values() if w.dtype == np.int8 and w.ndim > 1]
    assert max(np.abs(w.astype(int)).max() for w in weights) == largest
    assert facts_of(stage)["reduce_range"] is reduce_range


@pytest.mark.parametrize("method", ["entropy", "percentile"])
def test_other_ranges_are_no_wider_than_all_that_was_seen(in_int8, method):
    (stage,) = quantised(in_int8, method=method)
    assert input_scale(stage) <= input_scale(in_int8.stages[0]) * (1 + 1e-6)
    assert facts_of(stage)["method"] == method


def test_what_is_quantised_stays_as_it_is(in_int8):
    stages = stage_models(in_int8.network, in_int8.card.image_shape)[:1]
    before = stages[0].SerializeToString()
    quantised_stages(stages, normalised(in_int8.dataset.train.images, in_int8.card), Int8Settings())
    assert stages[0].SerializeToString() == before
    onnx.checker.check_model(stages[0])


def test_corrected_biases_bring_mean_logits_back(in_int8):
    """Over the calibration images, to a step of the 8-bit bias; without them they are off."""
    (float32, *_) = stage_models(in_int8.network, in_int8.card.image_shape)
    (plain,) = quantised(in_int8, correct_biases=False)
    images = normalised(in_int8.dataset.train.images, in_int8.card)
    models = (float32, in_int8.stages[0], plain)
    wanted, corrected, rounded = (channel_means(m, ["logits"], images)[0] for m in models)
    assert np.abs(corrected - wanted).max() < 1e-3 < np.abs(rounded - wanted).max()
    assert facts_of(in_int8.stages[0])["correct_biases"] is True
    assert facts_of(plain)["correct_biases"] is False
