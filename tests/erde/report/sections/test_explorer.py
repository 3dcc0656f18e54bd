"""The picture of accuracy over cost: whose bands, and what marks what."""

import pytest

from erde.report.sections.explorer import explorer_section, pareto_chart


def chart_of(source):
    rows = source.rows
    return pareto_chart(rows["bands"], rows["teacher_exits"], rows["rivals"])


@pytest.mark.parametrize(("fixture", "kind"), [("two_seeds", "these"), ("three_seeds", "new")])
def test_bands_are_for_new_seeds_only_where_three_tell(fixture, kind, request):
    source = request.getfixturevalue(fixture)
    chart, _ = chart_of(source)
    band = next(trace for trace in chart.traces if trace.get("fill") == "toself")
    rows = [row for row in source.rows["bands"] if row["variant"] == "erde"]
    highs = [min(100 * row[f"{kind}_seeds_high"], 100) for row in rows]
    assert band["y"][: len(rows)] == pytest.approx(highs)
    assert max(band["y"]) <= 100


def test_legend_and_markers(two_seeds):
    chart, keys = chart_of(two_seeds)
    names = ["ERDE", "KD", "teacher's exits", "plain, truncated", "plain, narrow"]
    assert [key.name for key in keys] == names
    assert [trace["meta"] for trace in chart.traces if "meta" in trace] == ["kd", "erde"]
    (star,) = [trace for trace in chart.traces if trace.get("name") == "teacher's exits"]
    assert star["x"] == [8, 12, 24]


def test_too_few_images_for_intervals_draw_no_band(two_seeds):
    ends = dict.fromkeys(f"{k}_seeds_{s}" for k in ("these", "new") for s in ("low", "high"))
    bands = [row | ends for row in two_seeds.rows["bands"]]
    chart, _ = pareto_chart(bands, two_seeds.rows["teacher_exits"], [])
    assert not [trace for trace in chart.traces if trace.get("fill")]


def test_the_section_offers_every_seed(three_seeds):
    body = explorer_section(three_seeds).body
    assert [f'value="{seed}"' in body for seed in (0, 1, 2, 3)] == [True, True, True, False]
    assert "newly trained networks" in body
