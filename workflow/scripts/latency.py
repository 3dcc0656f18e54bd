"""Time teacher and student on test images, on this machine."""

import tempfile
from pathlib import Path

from erde.deployment.runner import predictor
from erde.evaluation.budgets import whole_of
from erde.evaluation.latency import break_even, disturbances, latency_points, with_theta_cells
from erde.evaluation.tables import LATENCY
from erde.pictures.drawing import save_figure
from erde.pictures.latency import latency_figure
from erde.running.job import running
from erde.running.job_host import device_of
from erde_core.scores.scored_logits import score_logits
from erde_core.store.dataset import read_dataset
from erde_core.store.exit_logits import read_exit_logits
from erde_torch.device import set_threads
from erde_torch.images.drawn import drawn
from erde_torch.int8.stages import read_stages
from erde_torch.latency.contenders import (
    INT8_RUNTIME,
    Int8Trial,
    Trial,
    runtimes_of,
    working_contenders,
)
from erde_torch.latency.machine import machine_text
from erde_torch.latency.measure import BATCHES, Plan, latency_rows
from erde_torch.networks.exit_logits import check_made_by
from erde_torch.networks.weights import read_network
from erde_torch.teachers.file import read_teacher

THREADS = 1
SECONDS = 8  # per batch size

with running(f"{snakemake.wildcards.experiment} · latency", snakemake.log[0]) as say:
    set_threads(THREADS)
    inputs, device = snakemake.input, device_of(snakemake, say)
    teacher, _ = read_teacher(inputs.teacher, THREADS)
    student, card = read_network(inputs.student)
    exits, teacher_exits = (read_exit_logits(inputs[f"{k}_exits"]) for k in ("student", "teacher"))
    check_made_by(exits, student, card)
    images = read_dataset(inputs.data).test.images
    timed = drawn(len(images), max(BATCHES))
    pixels, logits = images[timed], exits.test.logits[timed]
    scored = score_logits(snakemake.params.score, exits)
    whole = whole_of(teacher_exits, [exits])
    points = latency_points(scored, whole)
    int8 = None
    if inputs.int8_exits:
        own = read_exit_logits(str(inputs.int8_exits))
        stages = read_stages(str(inputs.int8_stages), own)
        own_scored = score_logits(snakemake.params.score, own)
        own_points = latency_points(own_scored, whole)
        int8 = Int8Trial(stages, own.test.logits[timed], own_points, own_scored.score)
    trial = Trial(
        *(teacher, student, card, pixels, logits, exits.macs, points, device, predictor),
        *(THREADS, int8, scored.score),
    )
    runtimes = runtimes_of(device) + (INT8_RUNTIME,) * (int8 is not None)
    batches = [batch for batch in BATCHES if batch <= len(pixels)]
    with tempfile.TemporaryDirectory() as folder:
        found = working_contenders(trial, runtimes, Path(folder), say)
        say(f"{len(found)} contenders, batches of {', '.join(map(str, batches))}")
        rows = list(latency_rows(found, batches, Plan(seconds=SECONDS), device))
    known = {
        "student": f"{snakemake.params.student[0]}/seed{snakemake.params.student[1]}",
        "machine": machine_text(device, THREADS),
    }
    told = with_theta_cells(rows, scored)
    LATENCY.write(snakemake.output.table, [row | known for row in told])
    save_figure(latency_figure(rows), snakemake.output.picture)
    for sentence in disturbances(rows):
        say(f"warning: {sentence}")
    for runtime, point, paying in break_even(rows):
        say(f"{runtime}, {point}: saves time at batch {', '.join(map(str, paying)) or 'none'}")
