"""Early exit and cascades against plain networks: at every share, with intervals."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from erde.evaluation.differences.comparison import INTERVAL_COLUMNS, difference_row
from erde.evaluation.differences.resample import RESAMPLES
from erde.evaluation.envelope import Paid, Within
from erde.evaluation.pairs import Candidate
from erde.experiment.trainings import CASCADE, EARLY_EXIT, PLAIN
from erde_core.statistics.bootstrap import group_weights
from erde_core.store.tables import Row

LEAVING = f"{EARLY_EXIT} or {CASCADE}"
_HELD: dict[str, tuple[str, ...]] = {
    PLAIN: (PLAIN,),
    EARLY_EXIT: (EARLY_EXIT,),
    CASCADE: (CASCADE,),
    LEAVING: (EARLY_EXIT, CASCADE),
}
_Trial = tuple[Candidate, Within]


def contest_rows(paid: Sequence[Paid], group: NDArray[np.int64]) -> list[Row]:
    """One row per share and way that can pay there, and one for early exit and cascade together.

    Of each the network with the best mean on validation: its test ``accuracy``, and its ``gain``
    over the plain one, both with 95 % intervals for these seeds and for newly trained ones. A gain
    is paired over images and seeds; its cells are empty where no plain network can pay.

    Args:
        paid: what can pay at each share.
        group: of the N test images, which resampling draws together.
    """
    return [row for one in paid for row in _rows(one, group)]


def _rows(paid: Paid, group: NDArray[np.int64]) -> list[Row]:
    chosen = {way: _best(paid, held) for way, held in _HELD.items()}
    plain = chosen[PLAIN]
    return [
        paid.names
        | {"way": way, "network": trial[0].name}
        | _accuracy(trial, group)
        | _gain(trial, plain, group)
        for way, trial in chosen.items()
        if trial is not None
    ]


def _best(paid: Paid, ways: Sequence[str]) -> _Trial | None:
    """The first of equals."""
    able = [trial for trial in paid.networks if trial[0].way in ways]
    return max(able, key=lambda trial: trial[1].val_accuracy.mean(), default=None)


def _accuracy(trial: _Trial, group: NDArray[np.int64]) -> Row:
    row = _told(group, trial[1].right.astype(np.float64), "accuracy")
    return {key: row[key] for key in ("accuracy", *INTERVAL_COLUMNS, "seeds")}


def _gain(trial: _Trial, plain: _Trial | None, group: NDArray[np.int64]) -> Row:
    if plain is None or trial is plain:
        return dict.fromkeys(("gain", *(f"gain_{end}" for end in INTERVAL_COLUMNS)))
    row = _told(group, trial[1].right.astype(np.float64) - plain[1].right, "difference")
    return {"gain": row["difference"]} | {f"gain_{end}": row[end] for end in INTERVAL_COLUMNS}


def _told(group: NDArray[np.int64], per_image: NDArray[np.float64], name: str) -> Row:
    return difference_row(per_image, group_weights(group, RESAMPLES, seed=0), group, name)
