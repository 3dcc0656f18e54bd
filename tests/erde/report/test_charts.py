"""Ticks are read as they are meant, and each variant has one look."""

from erde.report.charts import bar_keys, log_ticks, looks


def test_ticks_are_round_numbers():
    ticks = log_ticks(0.0009, 40)
    values, texts = ticks["all"]
    assert texts[:6] == ["0.001", "0.002", "0.003", "0.005", "0.007", "0.01"]
    assert texts[-3:] == ["10", "20", "30"]
    assert all(len(text) <= 5 for text in texts)
    assert [float(text) for text in texts] == values
    assert 0.7 in values
    few, _ = ticks["few"]
    assert few[-4:] == [2.0, 5.0, 10.0, 20.0]


def test_variants_look_alike_in_every_chart():
    both, alone = looks(["kd", "erde"]), looks(["erde"])
    assert list(both) == ["erde", "kd"]
    assert both["erde"] == alone["erde"]
    key = both["kd"].key("kd", marker=True)
    assert (key.name, key.width) == ("KD", 2)
    assert key.glyph
    assert key.dashes
    assert [key.color for key in bar_keys(["erde", "kd"])] == [both[v].color for v in both]
