"""An int8 deployment decides as its own exit logits say, and takes no θ of another network."""

import copy
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from erde.deployment import processor
from erde.deployment.program import INT8_PROGRAM_FILES
from erde.deployment.runner import Runner, predictor
from erde_core.certify import certified_threshold
from erde_core.outcomes import right_answers
from erde_core.scores.scored_logits import score_logits
from erde_core.softmax import entropy
from erde_torch.export import agreement as agreement_module
from erde_torch.export.agreement import deployment_agreement
from erde_torch.export.folder import write_deployment, write_models
from erde_torch.export.manifest import deployment_manifest
from erde_torch.export.onnx_graph import stage_models
from erde_torch.int8 import deployment as deployment_module
from erde_torch.int8.runtime import normalised
from erde_torch.int8.stages import read_stages, stage_bytes, stages_hash, write_stages
from erde_torch.networks.exit_logits import collect_exit_logits


@pytest.fixture(scope="module")
def float32_exits(in_int8):
    card, dataset = in_int8.card, in_int8.dataset
    return collect_exit_logits(
        copy.deepcopy(in_int8.network), card, dataset, "0" * 64, torch.device("cpu")
    )


def compared(in_int8, folder, split=None, logits=None, score=None):
    split, logits = split or in_int8.dataset.test, logits or in_int8.exits.test
    predict, macs = predictor(folder), in_int8.exits.macs
    return dict(deployment_agreement(None, in_int8.card, predict, split, logits, macs, score))


def test_staged_and_single_decide_as_the_logits_on_file(in_int8, shipped):
    found = compared(in_int8, shipped)
    assert list(found) == ["staged ONNX", "single ONNX"]
    for name, agreement in found.items():
        agreement.check(name)
        assert (
            agreement.decisions
            == 150 * agreement_module.spread_thresholds(in_int8.exits.test, in_int8.exits.macs).size
        )


@pytest.mark.parametrize("label", ["margin", "max_prob_tempered", "gate"])
def test_any_score_is_fitted_to_the_int8_logits_and_computed_in_the_graphs(
    in_int8, shipped, tmp_path, label
):
    score = score_logits(label, in_int8.exits).score
    runner = in_int8.ship(tmp_path / "x", label=label)
    assert runner.manifest["score"] == score.fields()
    for name, agreement in compared(in_int8, tmp_path / "x", score=score).items():
        agreement.check(name)
    pixels, plain = in_int8.dataset.test.images, Runner(shipped)
    for count in (1, len(pixels)):
        logits, _, first = runner.scored(pixels[:count], 0.0)
        np.testing.assert_array_equal(logits, plain.scored(pixels[:count], 0.0)[0])
        expected = score.values(in_int8.exits.test.logits[:count])[:, 0]
        assert first == pytest.approx(expected, rel=1e-9)
    for one, other in zip(runner.stages[:-1], plain.stages[:-1], strict=True):
        names = [output.name for output in one.get_outputs()]
        assert names == ["logits", score.name, "next_features"]
        assert other.get_outputs()[1].name == "entropy"


def test_by_the_entropy_the_stages_stay_the_same_bytes(in_int8, shipped):
    for e, stage in enumerate(in_int8.stages):
        assert (shipped / f"stage{e}.onnx").read_bytes() == stage.SerializeToString()


def test_the_float32_networks_decisions_are_others(in_int8, shipped, float32_exits):
    for name, agreement in compared(in_int8, shipped, logits=float32_exits.test).items():
        with pytest.raises(ValueError, match=f"{name} must decide as the exit logits say"):
            agreement.check(name)


def test_the_runner_reads_the_same_pixels_bit_for_bit(in_int8, shipped):
    runner, pixels = Runner(shipped), in_int8.dataset.test.images
    theirs = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)) * runner.scale - runner.shift
    np.testing.assert_array_equal(normalised(pixels, in_int8.card), theirs)


def test_curve_and_certificate_are_of_its_own_logits(in_int8, shipped):
    manifest, val = Runner(shipped).manifest, in_int8.exits.val
    assert manifest["precision"] == "int8"
    right = right_answers(val)
    assert manifest["curve"][0][1] == pytest.approx(right[:, -1].mean())
    certified = certified_threshold(
        entropy(val.logits), right, 10, epsilon=0.01, delta=0.05, group=val.group
    )
    assert manifest["certified_theta"] == certified.threshold


def test_stages_in_another_order_are_refused(in_int8, tmp_path):
    write_stages(tmp_path / "stages", in_int8.stages)
    assert len(read_stages(tmp_path / "stages", in_int8.exits)) == 4
    one, two = tmp_path / "stages/stage1.onnx", tmp_path / "stages/stage2.onnx"
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second), two.write_bytes(first)
    with pytest.raises(ValueError, match="stages must be those of the exit logits"):
        read_stages(tmp_path / "stages", in_int8.exits)


def test_float32_logits_are_no_int8_networks(in_int8, tmp_path, float32_exits):
    write_stages(tmp_path / "stages", in_int8.stages)
    with pytest.raises(ValueError, match="must have the precision int8, got float32"):
        read_stages(tmp_path / "stages", float32_exits)


def test_a_float32_manifest_is_refused_beside_int8_stages(in_int8, tmp_path, float32_exits):
    manifest = deployment_manifest(
        in_int8.card, score_logits("entropy", float32_exits), 10**6, "tests", "x"
    )
    names = [f"stage{e}.onnx" for e in range(4)]
    single, _ = deployment_module.taken_single(in_int8.stages)
    models = dict(zip(names, in_int8.stages, strict=True)) | {"single.onnx": single}
    write_models(tmp_path / "x", lambda: models, manifest, INT8_PROGRAM_FILES)
    with pytest.raises(ValueError, match=r"stage0.onnx: must be in float32, got int8"):
        Runner(tmp_path / "x")


def test_an_int8_manifest_is_refused_beside_float32_stages(in_int8, tmp_path):
    stages = stage_models(in_int8.network, in_int8.card.image_shape)
    manifest = deployment_manifest(
        in_int8.card, score_logits("entropy", in_int8.exits), 10**6, "tests", "x"
    )
    facts = in_int8.ship(tmp_path / "x").manifest["quantisation"] | {"single": "none"}
    models = {f"stage{e}.onnx": stage for e, stage in enumerate(stages)}
    changed = manifest | {"quantisation": facts, "weights_sha256": stages_hash(stages)}
    write_models(tmp_path / "y", lambda: models, changed, INT8_PROGRAM_FILES)
    with pytest.raises(ValueError, match=r"stage0.onnx: must be in int8, got float32"):
        Runner(tmp_path / "y")


def test_the_curve_of_the_float32_network_is_refused(in_int8, tmp_path, float32_exits):
    with pytest.raises(ValueError, match="the θ and the curve are another network's"):
        in_int8.ship(tmp_path / "x", replace(float32_exits, precision="int8"))


def test_a_float32_folder_stays_as_it_was(in_int8, tmp_path, float32_exits):
    manifest = deployment_manifest(
        in_int8.card, score_logits("entropy", float32_exits), 10**6, "tests", "x"
    )
    assert manifest["precision"] == "float32"
    write_deployment(tmp_path / "x", in_int8.network, manifest, {})
    assert "quantisation" not in Runner(tmp_path / "x").manifest


def test_without_a_single_file_one_image_takes_the_stages(in_int8, tmp_path, monkeypatch):
    def refuses(model):
        raise RuntimeError("If(16)\n does not take it")

    monkeypatch.setattr(deployment_module, "session", refuses)
    runner = in_int8.ship(tmp_path / "x")
    assert not (tmp_path / "x/single.onnx").exists()
    assert runner.manifest["quantisation"]["single"] == "If(16) does not take it"
    pixels, batch = in_int8.dataset.test.images[:20], runner.predict(in_int8.dataset.test.images, 1)
    alone = [runner.predict(pixels[n : n + 1], 1) for n in range(20)]
    np.testing.assert_array_equal([found[0][0] for found in alone], batch[0][:20])
    np.testing.assert_array_equal([found[2][0] for found in alone], batch[2][:20])


def test_its_program_needs_no_package_of_ours(shipped, in_int8, tmp_path):
    """``run.py`` of a copy, where nothing of ours can be imported, on a processor without VNNI."""
    folder = tmp_path / "copy"
    shutil.copytree(shipped, folder)
    np.save(tmp_path / "images.npy", in_int8.dataset.test.images[:8])
    command = [sys.executable, "-I", str(folder / "run.py"), str(tmp_path / "images.npy")]
    done = subprocess.run([*command, "--theta", "1"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    label, _, exits = predictor(shipped)(in_int8.dataset.test.images[:8], 1.0)
    rows = [line.split(",") for line in done.stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == [f"class {c}" for c in label]
    assert [int(row[2]) for row in rows] == exits.tolist()
    told = processor.slow_int8(True)
    assert (f"run.py: warning: {told}" in done.stderr) if told else (done.stderr == "")


def test_where_int8_is_emulated_the_runner_says_so(shipped, monkeypatch):
    """By how the network of the folder was made."""
    monkeypatch.setattr(processor, "slow_int8", lambda reduced: f"no VNNI here, reduced: {reduced}")
    with pytest.warns(UserWarning, match="no VNNI here, reduced: True"):
        Runner(shipped)


def test_the_stages_are_smaller(in_int8):
    """A sixteenth of the width: what is not weights weighs more than at full width."""
    assert stage_bytes(in_int8.stages) < 0.75 * sum(
        stage.ByteSize() for stage in stage_models(in_int8.network, (3, 16, 16))
    )
