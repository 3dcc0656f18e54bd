"""Every other job on the pretended GPU gives the CPU's bits."""

import itertools
import tracemalloc

import numpy as np
import pytest
import torch

from erde.experiment.schema import parse_experiment
from erde.running import estimate as estimate_module
from erde.running.estimate import announce, estimate
from erde.running.gpus.room import CONTEXT_BYTES, check_sharing, fitting, training_bytes
from erde_core.errors import ErdeError
from erde_core.store.teacher_logits import TeacherLogits
from erde_torch.device import NoRoomError, choose_device, choose_precision, on_device
from erde_torch.latency.contenders import runtimes_of
from erde_torch.networks import heads
from erde_torch.networks.build import build_network
from erde_torch.networks.exit_logits import collect_exit_logits
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.staged import StagedNetwork
from erde_torch.networks.viewed_images import plain_images
from erde_torch.parity.cases import parity_cases
from erde_torch.parity.report import backends, compare
from erde_torch.teacher_cache.verify import verify_cache
from erde_torch.training.data import network_card
from erde_torch.training.settings import TrainSettings
from erde_torch.training.teacher_answers import CachedTeacher
from tests.erde_torch.deployable import random_network
from tests.gpu_rehearsal.jobs import AUGMENT, DATA, HASH, NETWORK, Jobs
from tests.gpu_rehearsal.pretended_gpu import CPU, GPU, ChanceError, pretended_gpu


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_the_cache_is_the_cpus_and_verified(tmp_path, precision):
    wanted = Jobs(CPU, tmp_path / "cpu").cache([random_network()], precision)
    with pretended_gpu():
        found = Jobs(GPU, tmp_path / "gpu").cache([random_network()], precision)
        np.testing.assert_array_equal(found.logits, wanted.logits)
        np.testing.assert_array_equal(found.wrong_on_train, wanted.wrong_on_train)
        np.testing.assert_array_equal(found.wrong_on_val, wanted.wrong_on_val)
        answer = verify_cache(found, DATA, HASH, [random_network()], AUGMENT, GPU)
    assert answer["largest"] < 0.05 or precision == "bf16"


def test_the_exit_logits_are_the_cpus():
    card = network_card(DATA, HASH, NETWORK, "float32")
    wanted = collect_exit_logits(random_network(), card, DATA, HASH, CPU)
    with pretended_gpu():
        found = collect_exit_logits(random_network(), card, DATA, HASH, GPU)
    for split in ("val", "test"):
        ours, theirs = getattr(found, split), getattr(wanted, split)
        np.testing.assert_array_equal(ours.logits, theirs.logits)
    assert found.network == wanted.network
    assert found.macs.tolist() == wanted.macs.tolist()


@pytest.mark.parametrize("threshold", [0.0, 1.2, 2.2, 4.6])
def test_staged_inference_waits_once_per_early_exit(threshold, waits, noted):
    pixels = DATA.train.images
    images = plain_images(pixels, DATA.mean, DATA.std, CPU)
    everyone = torch.arange(len(pixels))
    normalised = images.batch(everyone, torch.zeros_like(everyone))
    wanted = StagedNetwork(random_network(), CPU).predict(normalised, threshold)
    there, staged = normalised.to(GPU), StagedNetwork(random_network(), GPU)
    waits.clear()
    found = staged.predict(there, threshold)
    noted(f"staged inference at {threshold} nats, per batch", waits.total())
    assert waits.total() <= 3, waits
    for name in ("label", "probability", "exit"):
        assert torch.equal(getattr(found, name).cpu(), getattr(wanted, name))


def test_the_loss_agrees_with_the_reference_there_too(waits):
    there = [b for b in backends() if b.device == "pretended GPU"]
    assert [b.dtype for b in there] == ["float64", "float32", "float16", "bfloat16"]
    case = next(case for case in parity_cases() if case.name == "masked")
    assert all(compare(backend, case)["within"] for backend in there)


def experiment(**keys):
    part = {"network": {"name": "resnet10", "width": 1 / 16}, "train": {"epochs": 1}}
    whole = {
        "dataset": {"name": "digits"},
        "augment": {"pad": 1, "flip": True},
        "teacher": part,
        "student": part,
        "seeds": [0],
        "variants": {"erde": {"method": "erde"}},
    }
    return parse_experiment(whole | keys, "x.yaml")


GRAPH = {"epochs": 1, "graph": "auto"}
MOST = {"optimiser": "adamw", "learning_rate": 0.01, "ema_decay": 0.9}


def test_the_estimate_measures_there(waits):
    found = estimate(DATA, experiment(), GPU)
    assert all(value > 0 for value in found.values())
    torch.cuda.empty_cache.assert_called()
    assert waits["synchronize"] == 9  # three parts, a warm-up and two batches each


def test_what_a_student_takes_is_weights_images_and_cache(waits, monkeypatch):
    """1 MiB at its peak as the pretended GPU says it, momentum, and CUDA's own."""
    found = estimate(DATA, experiment(), GPU)
    weights = 4 * sum(p.numel() for p in random_network().parameters())
    images = len(DATA.train) * 18 * 18 * 3
    whole = (1 << 20) + weights + images + CONTEXT_BYTES
    assert found["student_device_bytes"] == whole + found["cache_bytes"]
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (10, 80 << 30))
    assert estimate(DATA, experiment(), GPU)["student_device_bytes"] == whole
    captured = {"network": {"name": "resnet10", "width": 1 / 16}, "train": GRAPH}
    more = (1 << 20) + 3 * weights  # the step once more, and two copies of weights and momentum
    assert estimate(DATA, experiment(student=captured), GPU)["student_device_bytes"] == whole + more
    assert estimate(DATA, experiment(), CPU)["student_device_bytes"] == 0


@pytest.mark.parametrize(("keys", "lasting"), [({}, 40), ({"momentum": 0.0}, 20), (MOST, 80)])
def test_a_graph_keeps_its_step_twice_and_all_that_lasts_is_copied_twice(keys, lasting, waits):
    """Of 20 bytes of weights and a step of 80: weights, of each one moment or two, an average."""
    taken = [
        training_bytes(100, 5, TrainSettings(epochs=1, **keys | more)) - CONTEXT_BYTES
        for more in ({}, {"graph": "auto"}, {"graph": True}, {"graph": "auto", "compile": True})
    ]
    plain = lasting + 80
    assert taken == [plain, plain + 80 + 2 * lasting, plain + 80 + 2 * lasting, plain]


def test_no_more_students_share_a_gpu_than_nvidias_mps_serves(waits):
    found = {"student_device_bytes": 6e8}
    assert fitting(found, GPU) == 60  # and not the 114 that fit
    check_sharing(found, 60, GPU)
    with pytest.raises(ErdeError, match=r"^--config students_per_gpu must be at most 60 here, got"):
        check_sharing(found, 61, GPU)


@pytest.mark.parametrize("part", ["teacher", "student"])
def test_of_several_processes_the_part_of_one_is_measured(part, waits, monkeypatch):
    """Which is what has to fit a GPU; each of them takes as long for its part."""
    built, sizes = estimate_module._build, []

    def noting(dataset, network):
        network = built(dataset, network)
        network.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
        return network

    def timed(step, device):
        step()
        return 8.0

    monkeypatch.setattr(estimate_module, "_build", noting)
    monkeypatch.setattr(estimate_module, "_timed", timed)
    network = {"name": "resnet10", "width": 1 / 16}
    train = {"epochs": 1, "batch_size": 16}
    four = {part: {"network": network, "train": train | {"processes": 4}}}
    other = {"teacher", "student"} - {part}
    found = estimate(
        DATA, experiment(**four, **{o: {"network": network, "train": train} for o in other}), GPU
    )
    one = {"teacher": "teacher_seconds", "student": "students_seconds"}
    assert found[one[part]] == len(DATA.train) * 8 / 4 / 4  # 4 images of 16 in 8 s, by all of them
    assert found[one[other.pop()]] == len(DATA.train) * 8 / 16
    assert set(sizes) == {4, 16}


def test_another_number_of_processes_or_a_graph_is_estimated_anew(tmp_path, waits, monkeypatch):
    """Though no result names them."""
    found = {"student_device_bytes": 1e9, "cache_bytes": 0, "disk_bytes": 0}
    found |= {f"{name}_seconds": 1.0 for name in ("teacher", "cache", "students")}
    asked = []
    monkeypatch.setattr(estimate_module, "estimate", lambda *a: asked.append(a) or dict(found))
    host = Jobs(GPU, tmp_path).host()
    for more in ({}, {}, {"graph": "auto"}, {"processes": 2}):
        network = {"name": "resnet10", "width": 1 / 16}
        student = {"network": network, "train": {"epochs": 1} | more}
        announce(DATA, experiment(student=student), tmp_path, host)
    assert len(asked) == 3


@pytest.mark.parametrize("part", ["teacher", "student"])
def test_a_batch_too_large_to_be_measured_names_the_setting(part, waits, monkeypatch):
    usual, learning = estimate_module._seconds_per_image, {"student": 0, "teacher": 1}[part]
    calls = itertools.count()

    def full(*asked):
        if next(calls) == learning:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.")
        return usual(*asked)

    monkeypatch.setattr(estimate_module, "_seconds_per_image", full)
    with pytest.raises(NoRoomError, match=f"^{part}.train.batch_size must fit the GPU's memory"):
        estimate(DATA, experiment(), GPU)


@pytest.mark.parametrize("again", [False, True])
def test_more_students_than_fit_on_a_gpu_are_refused(again, tmp_path, waits, monkeypatch):
    """Before anything is trained, and also when the estimate is known from before."""
    found = {"student_device_bytes": 20e9, "cache_bytes": 0, "disk_bytes": 0}
    found |= {f"{name}_seconds": 1.0 for name in ("teacher", "cache", "students")}
    monkeypatch.setattr(estimate_module, "estimate", lambda *_: dict(found))
    host = Jobs(GPU, tmp_path).host()
    if again:
        announce(DATA, experiment(), tmp_path, host, students_per_gpu=3)
        monkeypatch.setattr(estimate_module, "estimate", None)
    with pytest.raises(ErdeError) as caught:
        announce(DATA, experiment(), tmp_path, host, students_per_gpu=4)
    assert str(caught.value) == (
        "--config students_per_gpu must be at most 3 here, got 4: "
        "one student takes 20.00 GB of the GPU's 85.9 GB"
    )
    assert (tmp_path / "estimate.json").exists() == again


def learn_once(**keys):
    """The gradients of a network with such heads, on the pretended GPU."""
    network = build_network(NetworkSettings(name="resnet10", width=1 / 16, **keys), 5, (3, 18, 18))
    network = on_device(network, GPU, torch.contiguous_format)  # the CPU computes
    network(torch.ones(2, 3, 18, 18).to(GPU)).square().mean().backward()


@pytest.mark.parametrize("keys", [{"head": "conv"}, {"head_pool": "adaptive2"}])
def test_no_head_learns_by_chance(keys, waits, monkeypatch):
    """And one that does is noticed."""
    learn_once(**keys)
    monkeypatch.setattr(heads.Quarters, "forward", torch.nn.AdaptiveAvgPool2d.forward)
    with pytest.raises(ChanceError):
        learn_once(**keys)


def test_a_gpu_is_timed_in_bf16_too(waits):
    assert runtimes_of(GPU) == ("eager", "compiled", "ONNX Runtime", "eager bf16", "compiled bf16")
    assert runtimes_of(CPU) == ("eager", "compiled", "ONNX Runtime")


def test_device_and_precision_are_the_gpus(waits):
    assert choose_device("auto").type == "cuda"
    assert choose_precision("auto", GPU) == "bf16"


def test_where_the_cache_lies_is_said(tmp_path, waits, monkeypatch):
    for free, said in (
        (80 << 30, "of 85.9 GB free on the GPU, it lies there"),
        (10, "is read from"),
    ):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_, free=free: (free, free))
        found = {"cache_bytes": 1e9, "student_device_bytes": 4e9}
        student, sentence = estimate_module._on_gpu(found, GPU)
        assert sentence.startswith("teacher's cache: 1.00 GB; ")
        assert said in sentence
        fits = "17 can share" if free > 10 else "1 can share"
        assert student.startswith(f"a student takes 4.00 GB of the GPU; up to {fits} it")
    assert estimate_module._on_gpu(found, CPU) == []


def test_a_cache_goes_to_the_gpu_view_by_view(waits, monkeypatch):
    """In main memory there is one view at a time, not the whole cache once more."""
    logits = np.random.default_rng(0).normal(size=(50, 120, 4, 10)).astype(np.float16)
    tracemalloc.start()
    rows = CachedTeacher(TeacherLogits(logits, None, None, None, None, ""), GPU)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < logits.nbytes / 4
    samples, views = np.array([3, 119]), np.array([49, 0])
    np.testing.assert_array_equal(rows(samples, views).cpu(), logits[views, samples])


def test_another_model_of_gpu_sets_the_checkpoint_aside_and_says_so(tmp_path, waits, monkeypatch):
    jobs = Jobs(GPU, tmp_path)
    jobs.teacher(host=jobs.host("one"), epochs=1, batch_size=60)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "another GPU")
    jobs.teacher(host=jobs.host("one"), epochs=1, batch_size=60)
    assert any("device: pretended GPU → another GPU" in line for line in jobs.said), jobs.said
