"""The script for whoever has a GPU runs, on the CPU and in small, to its Markdown file."""

import json
import os
import re
import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from benchmarks import gpu_report, plain_training
from benchmarks.gpu import captured, inference, memory, sharing, stamp, students
from benchmarks.gpu.apart import ApartError, apart
from benchmarks.gpu.students import StudentError, images_within
from benchmarks.gpu_report import PARTS, parsed, run_part, write_report
from benchmarks.training import Bench
from erde_torch.device import forbid_tf32
from erde_torch.training.captured import graph

TINY = "--device cpu --images 8 --batch 4 --width 0.0625 --rounds 1 --threads 1 --workers 0"
TINY += " --seconds 0.2 --counts 1 2 --calls 2"
ON_GPU = TINY.replace("cpu", "cuda").replace("--images 8", "--images 16")  # 4 steps


def test_every_part_stands_in_the_report(tmp_path, monkeypatch):
    monkeypatch.setattr(inference, "BATCHES", (1, 2))
    asked = parsed([*TINY.split(), "--folder", str(tmp_path)])
    assert write_report(tmp_path).read_text().count("Missing: call it again.") == len(PARTS)
    for part in PARTS:
        run_part(part, asked)
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert "Missing" not in text
    assert "UNFINISHED" not in text
    assert "OUT OF TOLERANCE" not in text
    assert "| plain teacher, float32 | " in text
    assert re.search(r"\| our student, teacher cached, (bf16|float32) \| ", text)
    assert "* sgd, a good step and a bad one: ok" in text
    assert "* adamw, a good step and a bad one: ok" in text
    assert len(re.findall(r"\| last exit \| [\d.]+ \| [\d.]+–[\d.]+ \|", text)) == 4
    assert re.search(r"\| uncaptured \| 2 \| 1 \| [1-9]\d* \| \d+–\d+ \| \d\.\d\d \|", text)
    assert "NVIDIA's MPS: no." in text
    assert text.count(f"PyTorch {torch.__version__}; commit ") == len(PARTS)
    assert text.count("; images 8; batch 4; ") == len(PARTS)


def few_operations():
    """Instead of ResNets: 32×32 to four exits of 100 classes."""
    layers = nn.Conv2d(3, 2, 8, 8), nn.Flatten(), nn.Dropout(), nn.Linear(32, 400)
    network = nn.Sequential(*layers, nn.Unflatten(1, (4, 100)))
    network.exit_count = 4
    return network


@pytest.fixture
def on_gpu(waits, tmp_path, monkeypatch):
    """Arguments of parts on the pretended GPU, of which other processes know nothing."""
    monkeypatch.setattr(Bench, "network", lambda bench, name: few_operations().to(bench.device))
    for part in (captured, memory):
        monkeypatch.setattr(part, "apart", lambda threads, work, *given: work(*given))
    return parsed([*ON_GPU.split(), "--folder", str(tmp_path)])


def test_graph_against_no_graph_says_whether_both_agree(on_gpu, tmp_path, monkeypatch):
    """Of two networks; then something is left out of the captured step of both."""
    run_part("graph", on_gpu)
    good = (tmp_path / "graph.md").read_text(encoding="utf-8")
    assert good.count("gave the uncaptured one's bits 3 times: in use") == 2
    assert "| our teacher, bf16, captured | " in good
    assert "| our student, teacher cached, bf16, captured | " in good
    assert "Width 0.0625, batch 4. A captured epoch takes the last of its 4 steps twice" in good
    monkeypatch.setattr(graph.Graph, "fill", lambda *place: None)
    run_part("graph", on_gpu)
    bad = (tmp_path / "graph.md").read_text(encoding="utf-8")
    assert bad.count(": SELF-CHECK FAILED: train.graph is not used: ") == 2
    assert "captured | " not in bad


def test_a_capture_that_breaks_spoils_its_own_process_alone(on_gpu, tmp_path, monkeypatch):
    """The next contender is measured in another one."""
    began = []

    def breaks(threads, work, *given):
        began.append(given[1])
        if len(began) == 1:
            raise ApartError("AcceleratorError: CUDA error: an illegal memory access")
        return work(*given)

    monkeypatch.setattr(captured, "apart", breaks)
    run_part("graph", on_gpu)
    text = (tmp_path / "graph.md").read_text(encoding="utf-8")
    assert "* our teacher: FAILED: AcceleratorError: CUDA error: an illegal memory access" in text
    assert "| our student, teacher cached, bf16, captured | " in text
    assert began == ["our teacher", "our student, teacher cached"]


def test_work_apart_is_done_by_another_process():
    """Whose end is told, and is not that of this one."""
    assert apart(1, os.getpid) != os.getpid()
    with pytest.raises(ApartError, match=r"^ended with exit code 3$"):
        apart(1, os._exit, 3)


def test_memory_is_told_with_and_without_a_graph(on_gpu, tmp_path, monkeypatch):
    for name, size in {"memory_allocated": 1, "max_memory_allocated": 5}.items():
        monkeypatch.setattr(torch.cuda, name, lambda *_, size=size: size * 10**9)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda *_: 7 * 10**9)
    run_part("memory", on_gpu)
    text = (tmp_path / "memory.md").read_text(encoding="utf-8")
    for name in ("resnet34", "resnet10"):
        for step in ("captured", "uncaptured"):
            assert f"| {name} | {step} | 1.00 | 5.00 | 7.00 |" in text
    assert "the ResNet34 that a student would ask online" in text


def test_latency_is_the_mean_of_many_calls(monkeypatch):
    """A round's; of 20 calls, after 10 that do not count."""
    clock, calls = [0.0], []
    monkeypatch.setattr(inference.time, "perf_counter", lambda: clock[0])

    def call():
        calls.append(clock[0])
        clock[0] += 0.001 * (1 + len(calls) % 2)

    found = inference.milliseconds(call, 3, 20, torch.device("cpu"))
    assert found == pytest.approx([1.5] * 3)
    assert len(calls) == 10 + 3 * 20


def test_the_rival_may_use_tf32_and_ours_may_not(monkeypatch):
    """Nor does a variable forbid it to the rival, which NVIDIA's libraries read when they start."""
    cudnn, seen = torch.backends.cudnn, []
    parts = [part for part in (getattr(cudnn, "conv", None),) if hasattr(part, "fp32_precision")]

    def noted():
        seen.append((cudnn.allow_tf32, [part.fp32_precision for part in parts]))

    forbid_tf32()
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Unflatten(1, (1, 3)))
    network.register_forward_hook(lambda *_: noted())
    batch = torch.zeros(2, 4), torch.zeros(2, dtype=torch.long)
    plain_training.train_epoch(network, None, [batch], torch.device("cpu"))
    noted()
    assert seen == [(True, ["tf32"] * len(parts)), (False, ["ieee"] * len(parts))]


def test_no_variable_forbids_the_rivals_tf32(tmp_path, monkeypatch):
    monkeypatch.setattr(Bench, "network", lambda bench, name: few_operations())
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    Bench(parsed(TINY.split()), tmp_path)
    assert "NVIDIA_TF32_OVERRIDE" not in os.environ


def test_the_rivals_workers_live_on(tmp_path):
    data = torch.zeros(4, 8, 8, 3, dtype=torch.uint8).numpy(), torch.zeros(4).numpy()
    loader = plain_training.loader(*data, (0.5,) * 3, (0.5,) * 3, 2, 1)
    assert loader.persistent_workers
    assert not plain_training.loader(*data, (0.5,) * 3, (0.5,) * 3, 2, 0).persistent_workers


def test_what_was_measured_with_other_settings_is_measured_again(tmp_path, monkeypatch, capsys):
    """And a report says of each part what it was measured with."""
    measured = []

    def run(command, timeout):
        measured.append(command)
        run_part("guard", parsed(command[3:]))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(gpu_report, "PARTS", {"guard": lambda asked: iter(["text"])})
    monkeypatch.setattr(gpu_report, "subprocess", SimpleNamespace(run=run))

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["x", *TINY.split(), "--folder", str(tmp_path), *words])
        gpu_report.main()
        return capsys.readouterr().out.splitlines()[0]

    assert call() == "guard: done"
    assert call() == "guard: already there"
    assert call("--width", "0.125") == "guard: done"
    assert "; width 0.125; " in (tmp_path / "report.md").read_text(encoding="utf-8")
    assert call("--width", "0.125", "--limit", "9") == "guard: already there"
    monkeypatch.setattr(stamp, "commit", lambda: "another")
    assert call("--width", "0.125") == "guard: done"
    path = tmp_path / "guard.md"
    head, _, rest = path.read_text(encoding="utf-8").partition("\n")
    unfinished = json.loads(head[5:-4]) | {"finished": False}
    path.write_text(f"<!-- {json.dumps(unfinished)} -->\n{rest}", encoding="utf-8")
    assert stamp.shown(stamp.read_part(path)[0]).endswith("UNFINISHED.")
    assert call("--width", "0.125") == "guard: done"
    assert len(measured) == 4


def test_the_gpu_and_its_libraries_stand_in_the_stamp(on_gpu, monkeypatch):
    monkeypatch.setattr(stamp, "_said", lambda *command: " ".join(command[:1]))
    found = stamp.stamp(on_gpu)
    assert found["GPU"] == "pretended GPU"
    assert found["memory"] == "85.9 GB"
    assert found["driver"] == "nvidia-smi"
    assert {"CUDA", "cuDNN", "PyTorch", "commit", "counts", "precision"} <= found.keys()
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "another GPU")
    assert stamp.stamp(on_gpu) != found


def test_a_part_that_fails_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(PARTS, "guard", lambda asked: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_part("guard", parsed([*TINY.split(), "--folder", str(tmp_path)]))
    assert list(tmp_path.iterdir()) == []


def test_only_what_is_learned_within_the_common_window_counts(monkeypatch):
    """Epochs of 4 s from the moment 0; of 0…4 and 8…12 the half lies between 2 and 10."""
    clock = [0.0]
    monkeypatch.setattr(students.time, "monotonic", lambda: clock[0])

    def epoch():
        clock[0] += 4

    assert images_within(epoch, 100, begins=2.0, ends=10.0) == 50 + 100 + 50
    assert clock == [12.0]  # nobody leaves the GPU to the others before the end
    assert images_within(epoch, 100, begins=13.0, ends=14.0) == 25


class Told:
    """Students of whom it is known what they reach."""

    def __init__(self, asked, ways, ends):
        self.closed = False

    def together(self, count, way):
        if (count, way) == (2, True):
            raise StudentError("student 2: SELF-CHECK FAILED: train.graph is not used")
        return 100.0 * count

    def close(self):
        self.closed = True


def test_a_row_whose_graph_is_not_in_use_says_so_and_time_is_kept(on_gpu, tmp_path, monkeypatch):
    clock = iter([0.0, *[10.0] * 6, 401.0])  # begins, three rows and then one more; too late
    monkeypatch.setattr(sharing, "Students", Told)
    monkeypatch.setattr(sharing.time, "monotonic", lambda: next(clock))
    on_gpu.rounds, on_gpu.limit = 2, 500.0
    told = list(sharing.lines(on_gpu))
    assert len(told) == 6  # a text for each row as it comes: three, and of two rounds the rest
    rows = told[-1].splitlines()
    assert "| uncaptured | 1 | 2 | 100 | 100–100 | 1.00 |" in rows
    assert (
        "| captured | 2 | 0 | – | student 2: SELF-CHECK FAILED: train.graph is not used | – |"
        in rows
    )
    assert "| captured | 1 | 0 | – | not reached | – |" in told[0].splitlines()
    assert "A captured epoch takes the last of its 4 steps twice." in told[0]


def test_whether_mps_serves_is_asked_of_its_own_program(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not sharing.mps_serves()
    program = tmp_path / "nvidia-cuda-mps-control"
    for text, serves in (("echo 4711", True), ("echo Cannot find MPS; exit 1", False), ("", False)):
        program.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        program.chmod(0o755)
        assert sharing.mps_serves() == serves
