"""The picture is a PNG with a panel per batch size, whole or not there."""

import pytest

from erde.pictures.latency import draw_latency


def row(batch, runtime, network, speed_up):
    return {
        "batch": batch,
        "runtime": runtime,
        "network": network,
        "speed_up": speed_up,
        "macs_ratio": 2.0,
    }


def test_a_picture(tmp_path):
    table = [
        row(batch, runtime, network, 1.5)
        for batch in (1, 64)
        for runtime in ("eager", "ONNX Runtime")
        for network in ("teacher", "exits")
    ]
    draw_latency(tmp_path / "one.png", table[:4])
    draw_latency(tmp_path / "two.png", table)
    one, two = ((tmp_path / f"{n}.png").read_bytes() for n in ("one", "two"))
    assert one.startswith(b"\x89PNG")
    width = [int.from_bytes(png[16:20], "big") for png in (one, two)]
    assert width[1] > width[0]


def test_nothing_is_left_where_it_fails(tmp_path):
    with pytest.raises(KeyError):
        draw_latency(tmp_path / "x.png", [{"batch": 1, "runtime": "eager"}])
    assert list(tmp_path.iterdir()) == []
