"""Drawing and saving under matplotlib's own defaults, whatever the user's matplotlibrc says."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from erde_core.store.files import whole_file

FONT: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "legend.frameon": False,
}


@contextlib.contextmanager
def drawing() -> Iterator[None]:
    """matplotlib's defaults and our font; the user's settings are back when the block ends."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(FONT)
        yield


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write ``figure`` as PNG, whole or not at all."""
    with drawing(), whole_file(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
