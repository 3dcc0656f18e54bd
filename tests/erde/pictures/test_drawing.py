"""The user's settings of matplotlib change no picture, stop none, and stay as they are."""

import os
import subprocess
import sys

import matplotlib as mpl
import pytest

from erde.pictures.drawing import FONT, drawing, save_figure

HOSTILE = """
text.usetex: True
font.size: 40
savefig.dpi: 30
savefig.bbox: tight
savefig.transparent: True
figure.facecolor: red
axes.prop_cycle: cycler(color=["pink"])
backend: TkAgg
"""
DRAW = """
import sys
from erde.evaluation.values import value_rows
from erde.pictures.drawing import save_figure
from erde.pictures.latency import latency_figure
from erde.pictures.pareto import pareto_figure
from erde.pictures.values import values_figure
from tests.erde.evaluation.test_values import pareto
from tests.erde.pictures.test_latency import table
from tests.erde.pictures.test_pareto import tables
figures = {
    "pareto": pareto_figure("digits", **tables()),
    "values": values_figure("digits", value_rows(pareto())),
    "latency": latency_figure(table()),
}
for name, figure in figures.items():
    save_figure(figure, f"{sys.argv[1]}/{name}.png")
"""


def pictures(folder, **environment):
    folder.mkdir()
    plain = {k: v for k, v in os.environ.items() if k not in ("MPLBACKEND", "MATPLOTLIBRC")}
    command = [sys.executable, "-c", DRAW, str(folder)]
    subprocess.run(command, env=plain | environment, check=True, capture_output=True)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return pictures(tmp_path_factory.mktemp("pictures") / "plain")


def test_a_hostile_matplotlibrc_changes_no_byte(plain, tmp_path):
    (tmp_path / "matplotlibrc").write_text(HOSTILE, encoding="utf-8")
    hostile = pictures(tmp_path / "hostile", MATPLOTLIBRC=str(tmp_path / "matplotlibrc"))
    assert len(plain) == 3
    assert hostile == plain


@pytest.mark.parametrize("backend", ["no such backend", "module://no.such.module", "qtagg"])
def test_a_backend_that_cannot_work_stops_nothing(plain, tmp_path, backend):
    assert pictures(tmp_path / "out", MPLBACKEND=backend) == plain


def test_the_variable_is_there_afterwards():
    code = "import os, erde.pictures.pareto; print(os.environ['MPLBACKEND'])"
    environment = os.environ | {"MPLBACKEND": "no such backend"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout == "no such backend\n"


def test_the_users_settings_are_back_after_drawing():
    with mpl.rc_context({"font.size": 33.0}):
        with drawing():
            assert mpl.rcParams["font.size"] == FONT["font.size"]
        assert mpl.rcParams["font.size"] == 33.0


def test_failure_to_save_leaves_nothing(tmp_path):
    class Broken:
        def savefig(self, path, **options):
            path.write_bytes(b"half")
            raise MemoryError

    with pytest.raises(MemoryError):
        save_figure(Broken(), tmp_path / "a.png")
    assert not list(tmp_path.iterdir())
