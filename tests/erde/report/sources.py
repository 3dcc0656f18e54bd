"""What a report is made from, of networks that were never trained."""

from dataclasses import replace

import numpy as np

from erde.evaluation import tables
from erde.evaluation.audit import audit_rows, class_rows
from erde.evaluation.budgets import whole_of
from erde.evaluation.calibration import exit_rows, reliability_rows
from erde.evaluation.confusion import confusion_rows
from erde.evaluation.decision import decision_rows
from erde.evaluation.differences.comparison import (
    area_rows,
    band_rows,
    comparison_rows,
    overall_rows,
)
from erde.evaluation.differences.resample import resample_variants
from erde.evaluation.envelope import envelope_rows
from erde.evaluation.int8 import int8_rows
from erde.evaluation.operating_points import operating_rows, per_exit_rows
from erde.evaluation.pairs import Candidate, candidates
from erde.evaluation.pareto import budget_rows, in_int8, teacher_rows
from erde.evaluation.rivals import as_plain, rival_rows
from erde.report.source import Source
from erde_core.images import ImageDataset, Split
from erde_core.scores.scored_logits import score_logits
from erde_core.store.exit_logits import ExitLogits, SplitLogits

METHODS = {"kd": "kd", "erde": "erde"}
MACS = np.array([1_000_000, 2_100_000, 4_300_000])
TEACHER_MACS = np.array([8_000_000, 12_000_000, 24_000_000])


def split(rng, samples, lift, classes):
    labels = np.arange(samples) % classes
    logits = rng.normal(size=(samples, 3, classes)).astype(np.float32)
    logits[np.arange(samples), :, labels] += lift + np.arange(3)
    return SplitLogits(logits, labels, np.arange(samples))


def network(seed, lift, macs=MACS, samples=400, classes=5, label="entropy"):
    rng = np.random.default_rng(seed)
    splits = (split(rng, samples, lift, classes) for _ in range(2))
    return score_logits(label, ExitLogits(*splits, macs, "d" * 64, f"{seed:064d}"))


def in_8_bits(students, seeds):
    """Twins of the ERDE students whose logits moved a little."""
    rng = np.random.default_rng(8)

    def moved(split):
        noise = rng.normal(scale=0.1, size=split.logits.shape).astype(np.float32)
        return replace(split, logits=split.logits + noise)

    def twin(student, seed):
        splits = {name: moved(getattr(student, name)) for name in ("val", "test")}
        return replace(student, **splits, network=f"8{seed:063d}", precision="int8")

    return {("erde int8", seed): twin(students["erde", seed], seed) for seed in seeds}


def dataset(labels, names):
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 6, 6, 3), dtype=np.uint8)
    part = Split(images, labels, np.arange(len(labels)))
    return ImageDataset(part, part, part, names, (0.5,) * 3, (0.2,) * 3, "random")


def latency_row(batch, runtime, network, speed_up, **cells):
    times = dict.fromkeys(("p50_ms", "p95_ms", "p99_ms"), 1.25)
    row = {"batch": batch, "runtime": runtime, "network": network}
    row |= {"threshold_nats": 0.5 if "exits," in network else None, "macs": 2.5e6, "calls": 40}
    row |= times | {"speed_up": speed_up, "speed_up_lowest": 0.9 * speed_up}
    row |= {"speed_up_highest": 1.2 * speed_up, "macs_ratio": 2 * speed_up}
    row |= {"speed_up_per_macs_ratio": 0.5, "speed_up_over_no_exits": 1.5 if batch == 1 else 0.9}
    row |= {"round_spread": 0.05, "other_load": 0.1, "student": "erde/seed0"}
    return row | {"machine": "A & B, 1 CPU thread"} | cells


def latency_rows(**cells):
    speed_ups = {"teacher": 1.0, "student, no exits": 4.0, "exits, 1/8 of the teacher's MACs": 6.0}
    return [
        latency_row(batch, runtime, network, speed_up, **cells)
        for batch in (1, 64)
        for runtime in ("eager", "ONNX Runtime")
        for network, speed_up in speed_ups.items()
    ]


def policy_row(variant, score, thresholds, difference, ends=(-0.01, 0.02)):
    """A row of policies_overall.csv; what makes real ones takes seconds."""
    row = {"variant": variant, "score": score, "thresholds": thresholds, "chosen": False}
    row |= {"val_difference": difference, "macs_ratio": 1.0, "difference": difference}
    row |= dict(zip(("these_seeds_low", "these_seeds_high"), ends, strict=True))
    row |= {"new_seeds_low": None, "new_seeds_high": None, "seeds": 1, "intervals": "ok"}
    return row | {"seed_lowest": difference, "seed_highest": difference}


SIZES = (1_000_000, 280_000)  # bytes in float32 and in 8 bits


def source(
    seeds=(0, 1),
    classes=5,
    samples=400,
    latency=True,
    rivals=True,
    methods=METHODS,
    int8=False,
    label="entropy",
):
    """All tables of an experiment whose ERDE is a little better than its KD."""
    lifts = {"kd": 0.8, "erde": 1.2}
    students = {
        (v, s): network(10 * i + s, lifts.get(v, 1), MACS, samples, classes, label)
        for i, v in enumerate(methods)
        for s in seeds
    }
    teacher = network(99, 2.0, TEACHER_MACS, samples, classes)
    plain = {
        (name, s): network(70 + s, 1.0, samples=samples, classes=classes)
        for name in ("truncated1", "narrow1")
        for s in seeds
    }
    networks = students | (in_8_bits(students, seeds) if int8 else {})
    resampled, pareto = resample_variants(networks), budget_rows(teacher, networks)
    networks_pareto = [row for row in pareto if row["variant"] in methods]
    score = next(iter(students.values())).score
    macs = {"truncated1": 1_900_000, "narrow1": 2_000_000}
    trained = [Candidate(v, "early exit", {s: students[v, s] for s in seeds}) for v in methods] + [
        Candidate(
            "narrow1",
            "plain",
            {s: as_plain(plain["narrow1", s], "narrow1", 2_000_000) for s in seeds},
        )
    ]
    rows = {
        tables.PARETO: pareto,
        tables.TEACHER_EXITS: teacher_rows(teacher),
        tables.BANDS: band_rows(resampled),
        tables.AREAS: area_rows(resampled),
        tables.COMPARISON: comparison_rows(resampled, methods, score),
        tables.OVERALL: overall_rows(resampled, methods, score),
        tables.AUDIT: audit_rows(teacher, students, dict.fromkeys(methods, range(len(MACS)))),
        tables.CLASSES: class_rows(students),
        tables.CONFUSION: confusion_rows(students),
        tables.EXITS: exit_rows(networks),
        tables.RELIABILITY: reliability_rows(networks),
        tables.PER_EXIT: per_exit_rows(teacher, students),
        tables.OPERATING_POINTS: operating_rows(networks, pareto),
        tables.DECISION: decision_rows(teacher, students, networks_pareto),
        tables.POLICIES_OVERALL: [policy_row(v, "entropy", "one", 0.0) for v in methods],
        tables.RIVALS: rival_rows(students, plain, macs, MACS) if rivals else [],
        tables.ENVELOPE: envelope_rows(whole_of(teacher, students.values()), candidates(trained)),
        tables.LATENCY: latency_rows() if latency else [],
        tables.INT8: int8_rows(teacher, networks, dict.fromkeys(in_int8(networks), SIZES)),
    }
    names = tuple(f"class <{n}> & co" for n in range(classes))
    images = dataset(next(iter(students.values())).test.labels, names)
    found = {table.name: table_rows for table, table_rows in rows.items()}
    return Source("tiny", methods, found, teacher, networks, images, {"Data": "<random>"})
