"""Styles: hues tell families apart, shades and lines their members."""

import colorsys
import itertools

from erde.pictures.style import styles_of

WEIGHTS = [f"erde-entropy_weight-{weight}" for weight in ("0", "0.3", "1")]


def hue(color):
    return colorsys.rgb_to_hls(*(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)))


def test_networks_in_8_bits_change_no_other_curve():
    names = ["erde_mine", "erde", "mine", "other"]
    without, beside = styles_of(names, 6, 7), styles_of([*names, "erde_mine int8"], 6, 7)
    own = beside.pop("erde_mine int8")
    assert beside == without
    assert own not in without.values()


def test_variants_of_no_list_have_the_plain_colours():
    styles = styles_of(["ce", "kd", "masked_kd", "erde"], 6, 7)
    assert list(styles) == ["erde", "ce", "kd", "masked_kd"]
    assert [s.color for s in styles.values()] == ["#D55E00", "#0072B2", "#009E73", "#666666"]
    assert [(s.line, s.marker) for s in styles.values()] == [(i, i) for i in range(4)]


def test_a_method_looks_the_same_whichever_others_are_shown():
    whole = styles_of(["ce", "kd", "masked_kd", "erde"], 6, 7)
    part = styles_of(["mine", "masked_kd", "kd"], 6, 7)
    assert part["kd"] == whole["kd"]
    assert part["masked_kd"] == whole["masked_kd"]
    assert part["mine"] == whole["erde"]  # which is free here


def test_a_family_is_one_hue_from_light_to_dark():
    styles = styles_of(["kd", *WEIGHTS], 6, 7)
    assert list(styles) == [*WEIGHTS, "kd"]
    hues, light, _ = zip(*(hue(styles[label].color) for label in WEIGHTS), strict=True)
    assert max(hues) - min(hues) < 0.02
    assert all(a - b > 0.1 for a, b in itertools.pairwise(light))
    assert styles["kd"].color == "#009E73"


def test_members_that_stand_apart_in_the_file_stand_together():
    styles = styles_of([WEIGHTS[0], "erde_early", WEIGHTS[1]], 6, 7)
    assert list(styles) == [WEIGHTS[0], WEIGHTS[1], "erde_early"]


def test_fifteen_curves_differ_in_line_or_marker():
    styles = styles_of([f"erde-temperature-{t}" for t in range(1, 16)], 6, 7)
    assert len({(s.line, s.marker) for s in styles.values()}) == 15
    assert len({s.color for s in styles.values()}) == 15
