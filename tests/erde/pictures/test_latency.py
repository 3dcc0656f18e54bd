"""A panel per batch size, bars with the rounds' range, a warning where the clock was disturbed."""

import numpy as np
import pytest

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
    assert drawn.get_suptitle() == ""


def test_bars_show_the_range_over_the_rounds():
    axes = latency_figure(table()).axes[0]
    ranges = [np.array(c.get_segments())[:, :, 0].tolist() for c in axes.collections]
    assert ranges == [pytest.approx(np.array([[0.5, 2.0], [2.5, 4.0]]))] * 2


def test_a_disturbed_clock_is_said_in_the_picture():
    title = " ".join(latency_figure(table(load=1.5)).get_suptitle().split())
    assert title.startswith("Other processes kept up to 1.5 cores busy meanwhile (batch 1)")
