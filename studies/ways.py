"""Networks that may be shipped, named in advance and equally many of each way, and their worth.

``ways.yaml`` names them. Cascades and mixtures are put together from exit logits; validation
chooses, and the test images say what the choice is worth beside the best of all.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from erde.evaluation.budgets import whole_of
from erde.evaluation.differences.comparison import difference_row
from erde.evaluation.differences.resample import RESAMPLES
from erde.evaluation.envelope import WAYS, Paid, envelope_rows, trial_row, trials
from erde.evaluation.pairs import ARROW, Candidate, in_order
from erde.evaluation.rivals import as_plain
from erde.evaluation.tables import ENVELOPE
from erde.experiment.trainings import EARLY_EXIT, MIXTURE, PLAIN
from erde_core import checks
from erde_core.errors import ErdeError
from erde_core.scores.table import SCORES
from erde_core.statistics.bootstrap import group_weights
from erde_core.store.exit_logits import ExitLogits, read_exit_logits
from erde_core.store.tables import Row, write_table
from erde_torch.networks.rivals.network import rival_macs
from erde_torch.networks.weights import read_network
from studies.choosing import rule_rows
from studies.contest import contest_rows

LIST = "ways.yaml"
_BESIDES, _SCORE = "besides", "score"
_RIVALS = ("truncated", "narrow")
Listed = dict[str, list[tuple[str, ...]]]  # of each way the members of each network


def read_score(path: Path, experiment: str) -> str:
    """By which score all networks of ``experiment`` leave: ``entropy`` unless ``path`` names one.

    Raises:
        ValueError: as :func:`read_ways`, or the score is unknown or has to be fitted.
    """
    score = _listed(path, experiment).get(_SCORE, "entropy")
    unfitted = tuple(name for name, one in SCORES.items() if not one.fitted)
    checks.one_of(f"{path}: {experiment}: {_SCORE}", score, unfitted)
    return str(score)


def read_ways(path: Path, experiment: str) -> Listed:
    """What ``path`` names for ``experiment``: per way equally many networks.

    Plain ones are always among them; a way that is not listed has none. Early-exit students under
    ``besides`` are told in ``trials.csv`` and never shipped: the key is kept.

    Raises:
        ValueError: not readable, no such experiment, other ways, or unequal numbers of trials.
    """
    listed = _listed(path, experiment)
    ways = set(listed) - {_BESIDES, _SCORE}
    counts = {way: len(listed[way]) for way in WAYS if way in ways}
    if len(set(counts.values())) != 1:
        raise ErdeError(f"{path}: {experiment} must name equally many of each way, got {counts}")
    return {
        way: [(name,) if isinstance(name, str) else tuple(name) for name in listed.get(way, [])]
        for way in (*WAYS, _BESIDES)
    }


def _listed(path: Path, experiment: str) -> dict[str, Any]:
    try:
        book = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ErdeError(f"{path}: not readable: {' '.join(str(error).split())}") from error
    listed = book.get(experiment) if isinstance(book, dict) else None
    known = {*WAYS, _BESIDES, _SCORE}
    if not isinstance(listed, dict) or PLAIN not in listed or not listed.keys() <= known:
        raise ErdeError(
            f"{path}: {experiment} must list plain networks, of the ways {', '.join(WAYS)}, "
            f"got {listed!r:.80}"
        )
    return listed


def exit_logits_files(
    results: Path, path: Path, experiment: str, seeds: Sequence[int]
) -> list[Path]:
    """The exit logits of every network that the list names, each seed's.

    Raises:
        ValueError: as :func:`read_ways`.
    """
    listed = read_ways(path, experiment)
    names = dict.fromkeys(name for networks in listed.values() for one in networks for name in one)
    return [_file(results / experiment, name, seed) for name in names for seed in seeds]


def write_ways(results: Path, path: Path, experiment: str, seeds: Sequence[int]) -> None:
    """Write ``trials.csv``, ``ways.csv``, ``shipped.csv``, ``contest.csv`` and ``rules.csv``.

    Raises:
        ValueError: as :func:`read_ways`, or exit logits are missing or damaged.
    """
    folder, listed = results / experiment, read_ways(path, experiment)
    score = read_score(path, experiment)
    teacher = read_exit_logits(folder / "teacher/exit_logits.h5")
    found = candidates_of(folder, listed, seeds)
    besides = [replace(one, way=EARLY_EXIT) for one in found if one.way == _BESIDES]
    found = [one for one in found if one.way != _BESIDES]
    whole = whole_of(teacher, (exits for one in found for exits in one.seeds.values()))
    told = [
        p.names | trial_row(one, within) | {"listed": int(one not in besides)}
        for p in trials(whole, [*found, *besides], score)
        for one, within in p.networks
    ]
    write_table(folder / "trials.csv", told)
    paid = [one for one in trials(whole, found, score) if one.networks]
    ENVELOPE.write(folder / "ways.csv", envelope_rows(whole, found, score))
    write_table(folder / "shipped.csv", [_shipped(p) for p in paid])
    write_table(
        folder / "contest.csv", contest_rows(paid, next(iter(found[0].seeds.values())).test.group)
    )
    budgets = {str(p.names["teacher_share"]): float(p.names["budget_macs"]) for p in paid}
    write_table(folder / "rules.csv", rule_rows(found, budgets, score))


def candidates_of(folder: Path, listed: Listed, seeds: Sequence[int]) -> list[Candidate]:
    """The listed networks of the experiment in ``folder``, joined where two are named."""
    read: dict[str, dict[int, ExitLogits]] = {}
    found = []
    for way, networks in listed.items():
        for names in networks:
            for name in names:
                if name not in read:
                    read[name] = {seed: _read(folder, name, seed) for seed in seeds}
            joined = read[names[0]]
            for name in names[1:]:
                joined = {seed: in_order(joined[seed], read[name][seed]) for seed in seeds}
            found.append(Candidate(ARROW.join(names), way, joined))
    return found


def _file(folder: Path, name: str, seed: int) -> Path:
    place = f"rivals/{name}" if name.startswith(_RIVALS) else name
    return folder / place / f"seed{seed}/exit_logits.h5"


def _read(folder: Path, name: str, seed: int) -> ExitLogits:
    file = _file(folder, name, seed)
    exits = read_exit_logits(file)
    if not name.startswith(_RIVALS):
        return exits
    network, card = read_network(file.with_name("weights.safetensors"))
    return as_plain(exits, name, rival_macs(name, network, card.image_shape))


def _shipped(paid: Paid) -> Row:
    """What validation ships at one share, beside the best on test of all ways but mixtures."""
    told = [trial_row(one, within) for one, within in paid.networks]
    chosen = max(range(len(told)), key=lambda index: told[index]["val_accuracy"])
    rivals = [index for index, row in enumerate(told) if row["way"] != MIXTURE]
    best = max(rivals, key=lambda index: told[index]["test_accuracy"])
    right, others = (paid.networks[index][1].right for index in (chosen, best))
    gain = right.astype(np.float64) - others
    group = next(iter(paid.networks[chosen][0].seeds.values())).test.group
    shown = {key: told[chosen][key] for key in told[chosen] if key != "seeds"}
    return (
        paid.names
        | {"trials": len(told)}
        | shown
        | {f"best_{key}": told[best][key] for key in ("way", "network", "test_accuracy")}
        | difference_row(gain, group_weights(group, RESAMPLES, seed=0), group)
    )
