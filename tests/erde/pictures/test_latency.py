"""A panel per batch size, bars with the rounds' range, a warning where the clock was disturbed."""

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from erde.pictures.latency import latency_figure


def row(batch, runtime, network, speed_up, load=0.0):
    return {
        "batch": batch,
        "runtime": runtime,
        "network": network,
        "speed_up": speed_up,
        "speed_up_lowest": speed_up - 0.5,
        "speed_up_highest": speed_up + 1,
        "macs_ratio": 2.0,
        "round_spread": 0.1,
        "other_load": load,
    }


def table(load=0.0):
    return [
        row(batch, runtime, network, speed_up, load)
        for batch in (1, 64)
        for runtime in ("eager", "ONNX Runtime")
        for network, speed_up in (("teacher", 1.0), ("exits", 3.0))
    ]


def test_a_panel_per_batch_size():
    drawn = latency_figure(table())
    assert [axes.get_title() for axes in drawn.axes] == ["batch 1", "batch 64"]
    assert warning(drawn) == ""


def test_a_network_in_8_bits_may_have_an_operating_point_of_its_own():
    rows = [row(1, "eager", "teacher", 1.0), row(1, "eager int8", "teacher", 2.0)]
    rows += [row(1, "eager int8", "exits, 1/8", 6.0)]
    (axes,) = latency_figure(rows).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["teacher", "exits, 1/8"]
    assert [bar.get_width() for bar in axes.containers[0]] == [2.0, 2.0]


def test_bars_show_the_range_over_the_rounds():
    axes = latency_figure(table()).axes[0]
    ranges = [np.array(c.get_segments())[:, :, 0].tolist() for c in axes.collections]
    assert ranges == [pytest.approx(np.array([[0.5, 2.0], [2.5, 4.0]]))] * 2


def warning(drawn):
    return " ".join(drawn.legends[0].get_title().get_text().split())


def test_a_disturbed_clock_is_said_in_the_picture():
    found = warning(latency_figure(table(load=1.5)))
    assert found.startswith("Other processes kept up to 1.5 cores busy meanwhile (batch 1)")


@pytest.mark.parametrize("batches", [(1,), (1, 64)])
def test_nothing_above_the_panels_is_cut_off_or_lies_over_the_rest(batches):
    runtimes = ("eager", "compiled", "ONNX Runtime", "ONNX Runtime int8")
    drawn = latency_figure(
        [row(batch, runtime, "exits", 3.0, 1.5) for batch in batches for runtime in runtimes]
    )
    FigureCanvasAgg(drawn).draw()
    legend = drawn.legends[0]
    texts = [legend.get_title(), *legend.get_texts()]
    boxes = [text.get_window_extent() for text in texts]
    assert min(box.x0 for box in boxes) >= 0
    assert max(box.x1 for box in boxes) <= drawn.bbox.width
    titles = [axes.title.get_window_extent() for axes in drawn.axes]
    for one, other in itertools.combinations([*boxes, *titles], 2):
        assert not one.overlaps(other)
