"""What a study brings home: tables, pictures, and per image what every exit said, without logits.

Of an experiment that is not finished, whatever is there.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.differences.resample import COMPARED, budgets_of
from erde.evaluation.tables.rows import evened
from erde_core.outcomes import right_answers, split_sweep
from erde_core.softmax import entropy
from erde_core.store.exit_logits import SPLITS, ExitLogits, SplitLogits, read_exit_logits
from erde_core.store.files import whole_file
from erde_core.store.tables import Row, read_table, write_table
from erde_core.store.teacher_logits import read_teacher_logits
from erde_core.sweep import accuracy_at

_BESIDE = ("checkpoints", "logs", "benchmarks", "deploy")


def export_experiment(results: Path, name: str, out: Path) -> None:
    """Copy the small results of experiment ``name`` into ``out/<name>``.

    Beside its CSVs and its picture: ``histories.csv``, ``validation.csv``, ``teacher_wrong.csv``
    and ``answers.npz`` (:func:`answers`).
    """
    source, folder = results / name, out / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in (*source.glob("*.csv"), results / f"{name}_pareto.png"):
        if file.exists():
            shutil.copyfile(file, folder / file.name)
    networks = {n: read_exit_logits(f) for n, f in _files(source, "exit_logits.h5")}
    tables = {
        "histories": _histories(source),
        "validation": validation_rows(networks),
        "teacher_wrong": _teacher_wrong(source / "teacher_logits.h5"),
    }
    for table, rows in tables.items():
        if rows:
            write_table(folder / f"{table}.csv", rows)
    if networks:
        with whole_file(folder / "answers.npz") as temporary, open(temporary, "wb") as packed:
            arrays: dict[str, Any] = answers(networks)  # NumPy gives them no type
            np.savez_compressed(packed, **arrays)


def answers(networks: dict[str, ExitLogits]) -> dict[str, NDArray[Any]]:
    """Every array of ``answers.npz``.

    Returns:
        ``{val,test}/labels`` int64 ``(N,)``; per network (``teacher``, ``<variant>/seed<n>``)
        ``<network>/macs`` int64 ``(E,)``, and per split ``<network>/<split>/entropy`` in nats,
        float32, ``…/prediction`` uint16 and ``…/correct`` bool, ``(N, E)`` each.
    """
    first = next(iter(networks.values()))
    arrays = {f"{split}/labels": getattr(first, split).labels for split in SPLITS}
    for name, exits in networks.items():
        arrays[f"{name}/macs"] = exits.macs
        for split in SPLITS:
            said = _said(getattr(exits, split))
            arrays |= {f"{name}/{split}/{key}": values for key, values in said.items()}
    return arrays


def _said(split: SplitLogits) -> dict[str, NDArray[Any]]:
    return {
        "entropy": entropy(split.logits).astype(np.float32),
        "prediction": split.logits.argmax(axis=2).astype(np.uint16),
        "correct": right_answers(split),
    }


def validation_rows(networks: dict[str, ExitLogits]) -> list[Row]:
    """How good each network is on validation images alone: what settings are chosen by.

    ``val_mean_accuracy`` is the mean over the 20 budgets at which variants are compared: those of
    each network, or of the variant ``base`` where there is one. Plain rivals are left out: one exit
    of theirs was trained, and no settings are chosen for them.
    """
    rows = []
    base = next((exits for name, exits in networks.items() if name.startswith("base/")), None)
    for name, exits in networks.items():
        if name.startswith("rivals/"):
            continue
        at_budgets = accuracy_at(
            split_sweep(exits.val, exits.macs), budgets_of((base or exits).macs)
        )
        last = float(right_answers(exits.val)[:, -1].mean())
        mean = float(at_budgets[COMPARED].mean())
        rows.append({"network": name, "val_mean_accuracy": mean, "val_last_exit_accuracy": last})
    return rows


def _histories(source: Path) -> list[Row]:
    """Of networks with fewer exits the cells of the others stay empty."""
    rows: list[Row] = [
        {"network": name} | row
        for name, file in _files(source, "history.csv")
        for row in read_table(file)
    ]
    return evened(rows)


def _teacher_wrong(path: Path) -> list[Row]:
    """Share of wrong teacher answers per exit; what the entropy term can act on."""
    if not path.exists():
        return []
    cache = read_teacher_logits(path)
    pairs = zip(cache.wrong_on_train.tolist(), cache.wrong_on_val.tolist(), strict=True)
    return [{"exit": e, "train_views": t, "validation": v} for e, (t, v) in enumerate(pairs)]


def _files(source: Path, name: str) -> Iterator[tuple[str, Path]]:
    """(network, file) of every network of the experiment that has it, in sorted order."""
    for file in sorted(source.glob(f"**/{name}")):
        network = file.parent.relative_to(source)
        if network.parts[0] not in _BESIDE:
            yield network.as_posix(), file
