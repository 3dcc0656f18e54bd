"""Two pretended GPUs: as many students side by side, each on its own; the others wait."""

import copy
import re
import time

from tests.cluster.conftest import PATIENCE, slow_down
from tests.workflow.conftest import TINY

STUDENTS = [f"results/gpus/ce/seed{seed}/weights.safetensors" for seed in range(4)]


def gpu_of(log):
    """The GPU that a student says is reserved for it; None before it says so."""
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    found = re.search(r"device: CPU; reserved and not used: GPU (\S+)", text)
    return found and found[1]


def test_two_students_run_side_by_side_each_on_its_own_gpu_and_two_queue(
    checkout, cluster_run, node
):
    keys = copy.deepcopy(TINY) | {"seeds": [0, 1, 2, 3], "variants": {"ce": {"method": "ce"}}}
    keys["student"]["train"]["epochs"] = 5
    checkout.write_experiment("gpus", keys)
    slow_down(checkout, 0.5)
    checkout.snakemake("--cores", "2", "results/gpus/data.h5")
    run = cluster_run(checkout, *STUDENTS, "--set-resources", "student:gpu=1")
    seen, deadline = [], time.monotonic() + PATIENCE
    while run.process.poll() is None and time.monotonic() < deadline:
        running = {comment.split("_")[-1] for comment in node.jobs("R").values()}
        waiting = node.jobs("PD")
        seen.append((running, len(waiting)))
        time.sleep(0.5)
    run.wait()
    logs = checkout.root / "results/gpus/logs/ce"
    gpus = {str(seed): gpu_of(logs / f"seed{seed}.log") for seed in range(4)}
    assert set(gpus.values()) == {"0", "1"}
    pairs = [running for running, _ in seen if len(running) == 2]
    assert pairs, "no two students ran side by side"
    assert all(len({gpus[seed] for seed in pair}) == 2 for pair in pairs)
    assert max(len(running) for running, _ in seen) == 2
    assert max(waiting for running, waiting in seen if len(running) == 2) == 2
