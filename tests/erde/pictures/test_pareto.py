import matplotlib.colors
import numpy as np
import pytest
from matplotlib.collections import PolyCollection

from erde.pictures.drawing import save_figure
from erde.pictures.pareto import pareto_figure

BUDGETS = [1e6, 2e6, 4e6]
SHARES = {"1/5": 4e6, "1/10": 2e6}
VARIANTS = ("ce", "kd", "masked_kd", "erde")


def accuracy(variant, seed, budget):
    return 0.5 + 0.05 * VARIANTS.index(variant) + 0.01 * seed + 0.02 * BUDGETS.index(budget)


def tables(seeds=(0, 2)):
    each = [(variant, seed) for variant in VARIANTS for seed in seeds]
    curves = [
        {"variant": v, "seed": s, "budget_macs": b, "test_accuracy": accuracy(v, s, b)}
        for v, s in each
        for b in BUDGETS
    ]
    pareto = [
        {
            "variant": v,
            "seed": s,
            "teacher_share": share,
            "budget_of": "teacher",
            "status": "saturated" if share == "1/5" else "ok" if v != "ce" else "not reachable",
            "test_mean_macs": None if v == "ce" else 1.9e6 + 1e5 * s,
            "test_accuracy": None if v == "ce" else accuracy(v, s, 2e6),
        }
        for v, s in each
        for share in SHARES
    ]
    exits = enumerate(zip([5e6, 20e6], [0.8, 0.9], strict=True))
    teacher = [{"exit": e, "macs": int(m), "test_accuracy": a} for e, (m, a) in exits]
    return {"curves": curves, "pareto": pareto, "teacher_exits": teacher}


@pytest.fixture
def axes():
    return pareto_figure("digits", **tables()).axes[0]


def lines(axes, points):
    return [line for line in axes.lines if len(line.get_xdata()) == points]


def test_one_curve_per_variant_is_the_mean_over_seeds(axes):
    found = {tuple(np.round(line.get_ydata(), 6)) for line in lines(axes, 3)}
    wanted = {
        tuple(round(50 * (accuracy(v, 0, b) + accuracy(v, 2, b)), 6) for b in BUDGETS)
        for v in VARIANTS
    }
    assert found == wanted
    assert all(list(line.get_xdata()) == [1, 2, 4] for line in lines(axes, 3))


def test_bands_are_one_standard_deviation(axes):
    bands = [c for c in axes.collections if isinstance(c, PolyCollection)]
    assert len(bands) == 4
    for band in bands:
        heights = band.get_paths()[0].vertices
        at_first = heights[np.isclose(heights[:, 0], 1.0), 1]
        half = (at_first.max() - at_first.min()) / 2
        assert half == pytest.approx(100 * 0.02 / np.sqrt(2))  # n - 1, of 0.00 and 0.02


def test_one_seed_has_no_band():
    axes = pareto_figure("digits", **tables(seeds=(0,))).axes[0]
    assert not [c for c in axes.collections if isinstance(c, PolyCollection)]
    assert "1 seed;" in axes.get_title(loc="left")


def test_markers_are_the_reached_points_at_their_test_cost(axes):
    found = {tuple(np.round(line.get_xydata()[0], 6)) for line in marks(axes)}
    wanted = {
        (2.0, round(50 * (accuracy(v, 0, 2e6) + accuracy(v, 2, 2e6)), 6)) for v in VARIANTS[1:]
    }
    assert found == wanted


def marks(axes):
    return [line for line in lines(axes, 1) if line.get_marker() != "None"]


def test_teachers_exits_are_stars(axes):
    (stars,) = [line for line in axes.lines if line.get_marker() == "*"]
    np.testing.assert_allclose(stars.get_xydata(), [[5, 80], [20, 90]])


def test_curves_are_told_apart_without_colour(axes):
    entries = [line for line in axes.lines if str(line.get_label()) in LEGEND]
    assert len({(str(line.get_linestyle()), line.get_marker()) for line in entries}) == 4
    assert len({line.get_linestyle() for line in entries}) == 4
    assert len({line.get_marker() for line in entries}) == 4
    assert len({matplotlib.colors.to_hex(line.get_color()) for line in entries}) == 4


LEGEND = ["ERDE", "CE", "KD", "masked KD"]


def renamed(names):
    """The tables with other variants."""
    return {
        key: [row | {"variant": names.get(row.get("variant"), row.get("variant"))} for row in rows]
        for key, rows in tables().items()
    }


def test_listed_values_are_called_by_their_value():
    names = {"ce": "erde-entropy_weight-0", "erde": "erde-entropy_weight-0.3"}
    axes = pareto_figure("digits", **renamed(names)).axes[0]
    legend = [entry.get_text() for entry in axes.get_legend().get_texts()]
    assert legend[:2] == ["ERDE, entropy weight 0", "ERDE, entropy weight 0.3"]


def test_a_long_legend_stands_beside_the_curves():
    short = tables()
    many = {
        name: [
            row | {"variant": f"erde-temperature-{t}"}
            for t in range(1, 9)
            for row in rows
            if row["variant"] == "erde"
        ]
        for name, rows in short.items()
        if name != "teacher_exits"
    }
    figure = pareto_figure("digits", teacher_exits=short["teacher_exits"], **many)
    assert figure.axes[0].get_legend() is None
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    assert len(figure.legends[0].get_texts()) == 9
    assert legend.x0 > figure.axes[0].get_window_extent().x1
    assert legend.x1 <= figure.bbox.x1


def test_axes_say_what_they_show(axes):
    legend = [entry.get_text() for entry in axes.get_legend().get_texts()]
    assert legend == [*LEGEND, "teacher's exits"]
    assert axes.get_xlabel() == "mean cost per image (million MACs, log scale)"
    assert axes.get_ylabel() == "test accuracy (%)"
    assert axes.get_xscale() == "log"
    assert "digits: mean over 2 seeds, band ± 1 standard deviation" in axes.get_title(loc="left")
    low, high = axes.get_xlim()
    assert low < 1
    assert high > 20


def test_saved_as_png_the_same_bytes_each_time(tmp_path):
    for name in ("a.png", "b.png"):
        save_figure(pareto_figure("digits", **tables()), tmp_path / name)
    first, second = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert first.startswith(b"\x89PNG")
    assert first == second
