"""Tables and picture of the four ways: right by hand."""

import pytest

from erde_core.store.tables import write_table
from studies import ways_tables
from studies.figures.ways_figure import ways_figure

NEW, THESE = "new_seeds", "these_seeds"


def table(folder, name, *rows):
    (folder / "x").mkdir(exist_ok=True)
    write_table(folder / f"x/{name}.csv", list(rows))


def trial(way, network, share, val, test, **cells):
    ends = {"seed_lowest": test - 0.01, "seed_highest": test + 0.01, "seeds": 5}
    names = {"teacher_share": share, "way": way, "network": network}
    return names | {"val_accuracy": val, "test_accuracy": test} | ends | cells


@pytest.fixture
def folder(tmp_path):
    """At 1/14 a plain network is ten points above the early exit, at 1/5 below it."""
    trials = [
        trial("plain", "thin", "1/14", 0.80, 0.80),
        trial("plain", "lucky", "1/14", 0.70, 0.85),
        trial("early exit", "kd", "1/14", 0.70, 0.70),
        trial("early exit", "late", "1/14", 0.70, 0.775),
        trial("plain", "thin", "1/5", 0.80, 0.80),
        trial("early exit", "kd", "1/5", 0.90, 0.90),
    ]
    table(tmp_path, "trials", *trials)
    nothing = dict.fromkeys(("network", "val_accuracy", "test_accuracy", "seed_lowest",
                             "seed_highest", "seeds"))  # fmt: skip
    ways = [
        trial("plain", "thin", "1/14", 0.8, 0.8, chosen=1),
        trial("early exit", "kd", "1/14", 0.7, 0.7, chosen=0),
    ]
    ways += [ways[1] | {"way": way} | nothing for way in ("cascade", "mixture")]
    table(tmp_path, "ways", *ways)
    difference = {"difference": -0.05, f"{NEW}_low": -0.1, f"{NEW}_high": 0.0}
    best = {"best_network": "lucky", "best_test_accuracy": 0.85}
    table(tmp_path, "shipped", {"teacher_share": "1/14", "network": "thin"} | best | difference)
    table(tmp_path, "teacher_exits", *({"macs": m, "test_accuracy": 0.9} for m in (70, 140)))
    exits = [{"variant": "kd", "exit": e, "macs": 10 * (e + 1), "test_accuracy": 0.6 + e / 10}
             for e in (0, 1)]  # fmt: skip
    table(tmp_path, "exits", *exits)
    return tmp_path


def cells(text, row):
    return [cell.strip() for cell in text.splitlines()[row + 2].split("|")[1:-1]]


def test_the_contest_shows_what_each_way_has_and_what_leaving_gains(folder):
    ends = {f"{kind}_{end}": 0.7 for kind in (NEW, THESE) for end in ("low", "high")}
    nothing = dict.fromkeys(("gain", *(f"gain_{end}" for end in ends)))
    gains = {f"gain_{end}": -0.1 if end.endswith("low") else 0.3 for end in ends}
    row = {"teacher_share": "1/8", "budget_macs": 17.5, "accuracy": 0.71} | ends
    both = "early exit or cascade"
    rows = [row | {"way": "plain", "network": "thin"} | nothing]
    rows += [row | {"way": w, "network": "kd", "gain": 0.1} | gains for w in ("early exit", both)]
    rows.append(row | {"teacher_share": "1/20", "way": both, "network": "kd"} | nothing)
    table(folder, "contest", *rows)
    text = ways_tables.contest_table(folder, ["x"])
    thin, kd = (f"71.0 (70.0 – 70.0), {name}" for name in ("thin", "kd"))
    interval = "-10.00 … +30.00"
    assert cells(text, 0) == ["x", "1/8", thin, kd, "–", "kd", "+10.0", interval, interval, "–"]
    assert cells(text, 1) == ["x", "1/20", "–", "–", "–", "kd", "–", "–", "–", "–"]
    # One of them for three images of four: 0.25 · 0.5 + 0.75 · 0.7 at a cost of 17.5.
    plain = [("cheap", 10, 0.4), ("cheap", 10, 0.6), ("dear", 20, 0.7), ("dearest", 80, 0.9)]
    exits = [("kd", 0, 5, 0.1), ("kd", 1, 17, 0.9)]
    exits += [(variant, 0, macs, accuracy) for variant, macs, accuracy in plain]
    names = ("variant", "exit", "macs", "test_accuracy")
    table(folder, "exits", *(dict(zip(names, row, strict=True)) for row in exits))
    text = ways_tables.contest_table(folder, ["x"])
    assert cells(text, 0)[-1] == "+6.0"  # 71.0 %


def test_the_shipped_network_is_bold_and_stands_beside_the_best(folder):
    assert cells(ways_tables.ways_table(folder, ["x"]), 0) == [
        *("x", "1/14", "**80.0** (79.0 – 81.0)", "70.0 (69.0 – 71.0)", "–", "–"),
        *("thin", "lucky 85.0", "-5.0 (-10.0 … +0.0)"),
    ]


def test_what_an_attempt_recovers_is_a_share_of_the_gap_that_validation_sees(folder):
    text = ways_tables.attempts_table(folder, ["x"])
    assert text.splitlines()[0].endswith("| 1/14, % | 1/5, % |")
    assert cells(text, 0) == ["x", "kd", "1/14.0", "60.0", "70.0", "90.0"]
    # 7.5 of the 10 points between the exit and the plain network that validation chose.
    assert cells(text, 1) == ["x", "late", "–", "–", "77.5 (75 %)", "–"]
    assert cells(text, 2) == ["x", "plain", "", "", "80.0", "80.0"]


def test_what_rules_lose(folder):
    rows = [
        {"rule": rule, "images": 50, "teacher_share": share, "lost": lost}
        for rule, both in (("a", (0.01, 0.03)), ("b", (0, 0)))
        for share, lost in zip(("1/5", "1/14"), both, strict=True)
    ]
    table(folder, "rules", *rows)
    text = ways_tables.rules_table(folder, ["x", "none"])
    assert cells(text, 0) == ["x", "a", "50", "1.00", "3.00", "2.00"]
    assert cells(text, 1) == ["x", "b", "50", "0.00", "0.00", "0.00"]


def test_policies_stand_beside_entropy_with_one_threshold(folder):
    def row(score, thresholds, chosen, difference):
        ends = {f"{k}_{end}": difference + d for k in (NEW, THESE)
                for end, d in (("low", -0.01), ("high", 0.01))}  # fmt: skip
        names = {"variant": "kd", "score": score, "thresholds": thresholds, "chosen": int(chosen)}
        return names | {"macs_ratio": 1.01, "difference": difference, "seeds": 5} | ends

    rows = [row("entropy", "one", False, 0.0), row("margin", "each", True, 0.002)]
    table(folder, "policies_overall", *rows)
    text = ways_tables.policies_table(folder, ["x"])
    assert len(text.splitlines()) == 3
    assert cells(text, 0) == [
        *("x", "kd", "margin", "each", "**+0.20**", "-0.80 … +1.20", "-0.80 … +1.20"),
        *("1.010", "5"),
    ]


def test_the_picture_draws_every_way_and_rings_what_is_shipped(folder):
    left, right = ways_figure(folder, "x").axes
    drawn = {line.get_label(): line.get_ydata() for line in left.lines}
    assert list(drawn["plain"]) == [80.0]
    assert list(drawn["early exit"]) == [70.0]
    rings = [line for line in left.lines if line.get_markersize() == 12]
    assert [list(ring.get_ydata()) for ring in rings] == [[80.0]]
    students = {line.get_label(): list(line.get_ydata()) for line in right.lines}
    assert students["kd"] == [70.0, 90.0]
    assert students["late"] == [77.5]
    assert list(left.lines[-1].get_ydata()) == [90.0, 90.0]  # the teacher


def test_no_two_students_look_alike_and_no_way_is_named_that_has_none(folder):
    students = [trial("early exit", f"s{n}", "1/14", 0.7, 0.7) for n in range(8)]
    table(folder, "trials", *students)
    left, right = ways_figure(folder, "x").axes
    assert "mixture" not in {line.get_label() for line in left.lines}
    looks = {
        line.get_label(): (line.get_color(), line.get_marker(), line.get_linestyle())
        for line in right.lines
    }
    assert len({looks[f"s{n}"] for n in range(8)}) == 8
    table(folder, "trials", *students, trial("early exit", "s8", "1/14", 0.7, 0.7))
    with pytest.raises(ValueError, match="early-exit students must be at most 8, got 9"):
        ways_figure(folder, "x")
