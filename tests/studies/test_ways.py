"""What may be shipped: named in advance, equally many of each way, chosen on validation."""

import dataclasses

import numpy as np
import pytest
import yaml

from erde.evaluation.budgets import whole_of
from erde.evaluation.envelope import WAYS, trial_row, trials
from erde.experiment.schema import parse_experiment
from erde.experiment.trainings import EARLY_EXIT, PLAIN, way_of
from erde_core.store.exit_logits import read_exit_logits, write_exit_logits
from erde_core.store.tables import read_table
from studies import chains as chains_module
from studies import choosing, packing, run
from studies.chains import Answers, chains
from studies.chains import main as write_chains
from studies.choosing import RULES, Seen, rule_rows
from studies.compose import BOOK, HERE, compose, read_book, read_list
from studies.export import answers
from studies.packing import pack_answers
from studies.ways import (
    LIST,
    candidates_of,
    exit_logits_files,
    read_score,
    read_ways,
    write_ways,
)
from tests.erde.evaluation.networks import network, plain

LISTED = [
    name for path in HERE.glob("*.txt") for name, wanted in read_list(path) if wanted == "ways"
]


@pytest.mark.parametrize("experiment", LISTED)
def test_every_way_of_the_study_is_what_it_is_called(experiment):
    listed = read_ways(HERE / LIST, experiment)
    exp = parse_experiment(compose(experiment, read_book(HERE / BOOK)), experiment)
    way = {name: way_of(exp.network_of(name), exp.exits) for name in exp.variants}
    way |= {name: PLAIN for (name,) in listed[PLAIN] if name not in way}  # cut-offs
    pairs = {"cascade": (PLAIN, PLAIN), "mixture": (PLAIN, EARLY_EXIT)}
    for kind in WAYS:
        assert len(set(listed[kind])) == len(listed[kind])
        for names in listed[kind]:
            wanted = pairs.get(kind, (kind,)) if len(names) == 2 else (kind,)
            assert tuple(way[name] for name in names) == wanted


def written(folder, **changes):
    book = {"one": {way: [["a"]] for way in WAYS} | changes}
    path = folder / LIST
    path.write_text(yaml.safe_dump(book), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"plain": ["a", "b"]}, r"one must name equally many of each way, got .*'plain': 2"),
        ({"other": ["a"]}, r"one must list plain networks, of the ways plain, .* mixture, got"),
    ],
)
def test_unequal_numbers_of_trials_are_refused(tmp_path, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_ways(written(tmp_path, **changes), "one")


def test_ways_may_be_left_out_but_not_the_plain_one(tmp_path):
    path = tmp_path / LIST
    path.write_text("one: {plain: [a, b], cascade: [[a, b], c]}", encoding="utf-8")
    listed = read_ways(path, "one")
    assert listed["cascade"] == [("a", "b"), ("c",)]
    assert listed["mixture"] == listed["early exit"] == []
    path.write_text("one: {cascade: [[a, b]]}", encoding="utf-8")
    with pytest.raises(ValueError, match="one must list plain networks"):
        read_ways(path, "one")


def test_an_experiment_that_is_not_listed_is_refused_before_anything_is_run(tmp_path):
    written(tmp_path)
    with pytest.raises(ValueError, match=r"two must list plain networks, .* got None"):
        run.targets_of(tmp_path, "two", "ways", [0])


def test_the_study_asks_for_the_networks_that_it_lists(tmp_path):
    path = written(tmp_path, plain=["truncated1"], mixture=[["a", "b"]])
    asked = exit_logits_files(run.RESULTS, path, "one", [0, 1])
    places = ("rivals/truncated1", "a", "b")
    assert [f.as_posix() for f in asked] == [
        f"results/one/{place}/seed{seed}/exit_logits.h5" for place in places for seed in (0, 1)
    ]
    assert str(asked[0]) in run.targets_of(tmp_path, "one", "ways", [0, 1])


@pytest.fixture
def results(tmp_path):
    """A teacher, two plain networks and an early-exit one, one seed."""
    thin, dear = (plain(n, right, macs) for n, right, macs in (("thin", 60, 80), ("dear", 90, 100)))
    early = network(1, 0.2, samples=100)
    teacher = dataclasses.replace(network(0, samples=100), macs=np.array([300, 600, 1200]))
    named = {"thin": thin.seeds[0], "dear": dear.seeds[0], "early": early}
    named["other"] = network(2, 3.0, samples=100)  # far better than the other
    for name, exits in ({"teacher": teacher} | named).items():
        folder = tmp_path / "one" / (name if name == "teacher" else f"{name}/seed0")
        folder.mkdir(parents=True)
        write_exit_logits(folder / "exit_logits.h5", exits)
    listed = {"plain": ["dear"], "early exit": ["early"]}
    listed |= {"cascade": [["thin", "dear"]], "mixture": [["thin", "early"]], "besides": ["other"]}
    return written(tmp_path, **listed)


def test_what_is_shipped_stands_beside_the_best_in_hindsight(results, monkeypatch):
    monkeypatch.setattr(choosing, "DRAWS", 2)
    write_ways(results.parent, results, "one", [0])
    folder = results.parent / "one"
    tried = [row for row in read_table(folder / "trials.csv") if row["teacher_share"] == "1/8"]
    told = {row["network"]: float(row["test_accuracy"]) for row in tried}
    assert told["dear"] == told["thin → dear"] == 0.9
    (eighth,) = (r for r in read_table(folder / "shipped.csv") if r["teacher_share"] == "1/8")
    assert {row["network"]: row["listed"] for row in tried}["other"] == "0"
    assert eighth["trials"] == str(len(tried) - 1) == "4"  # one is told, and never shipped
    rivals = ("dear", "early", "thin → dear")
    assert float(eighth["best_test_accuracy"]) == max(told[name] for name in rivals)
    lost = float(eighth["test_accuracy"]) - float(eighth["best_test_accuracy"])
    assert float(eighth["difference"]) == pytest.approx(lost)
    ways = [r for r in read_table(folder / "ways.csv") if r["teacher_share"] == "1/8"]
    assert [(r["way"], r["trials"]) for r in ways] == [(way, "1") for way in WAYS]
    assert {r["rule"] for r in read_table(folder / "rules.csv")} == set(RULES)


def test_the_better_of_early_exit_and_cascade_is_held_against_plain(results, monkeypatch):
    monkeypatch.setattr(choosing, "DRAWS", 2)
    write_ways(results.parent, results, "one", [0])
    rows = read_table(results.parent / "one/contest.csv")
    dear = {row["way"]: row["gain"] for row in rows if row["teacher_share"] == "1/20"}
    assert dear == {"early exit": "", "early exit or cascade": ""}  # no plain one can pay it
    eighth = {row["way"]: row for row in rows if row["teacher_share"] == "1/8"}
    right = {way: float(row["accuracy"]) for way, row in eighth.items()}
    assert (right["plain"], right["cascade"]) == (0.9, 0.9)
    assert eighth["plain"]["gain"] == ""
    assert float(eighth["early exit"]["gain"]) == pytest.approx(right["early exit"] - 0.9)
    assert eighth["early exit or cascade"]["network"] == "thin → dear"  # better on validation
    for row in eighth.values():  # as many resamples lie below as above
        low, high = (float(row[f"these_seeds_{end}"]) for end in ("low", "high"))
        assert low < float(row["accuracy"]) < high
        assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.09 / 100), rel=0.5)


def listed_alone(found):
    """The candidates that may be shipped."""
    return [one for one in found if one.way in WAYS]


def test_all_leave_by_the_score_that_the_list_names(results, monkeypatch):
    monkeypatch.setattr(choosing, "DRAWS", 2)
    listed = yaml.safe_load(results.read_text(encoding="utf-8"))["one"]
    told, accuracies = {}, {}
    for score in ("entropy", "margin"):
        named = read_ways(results, "one")
        path = written(results.parent, **listed | {"score": score})
        assert read_ways(path, "one") == named
        write_ways(results.parent, path, "one", [0])
        folder = results.parent / "one"
        found = candidates_of(folder, read_ways(path, "one"), [0])
        exits = [one.seeds[0] for one in found]
        whole = whole_of(read_exit_logits(folder / "teacher/exit_logits.h5"), exits)
        wanted = {
            (p.names["teacher_share"], one.name): trial_row(one, within)["test_accuracy"]
            for p in trials(whole, found, score)
            for one, within in p.networks
        }
        told[score] = {
            (row["teacher_share"], row["network"]): float(row["test_accuracy"])
            for row in read_table(folder / "trials.csv")
        }
        assert told[score] == pytest.approx(wanted)
        for name, key in (("ways", "test_accuracy"), ("shipped", "test_accuracy"),
                          ("contest", "accuracy")):  # fmt: skip
            rows = [r for r in read_table(folder / f"{name}.csv") if r["network"]]
            assert rows
            for row in rows:
                network = (row["teacher_share"], row["network"])
                assert float(row[key]) == pytest.approx(wanted[network])
        budgets = {str(p.names["teacher_share"]): float(p.names["budget_macs"])
                   for p in trials(whole, listed_alone(found), score) if p.networks}  # fmt: skip
        rules = rule_rows(listed_alone(found), budgets, score)
        found_rules = read_table(folder / "rules.csv")
        assert [float(r["accuracy"]) for r in found_rules] == pytest.approx(
            [r["accuracy"] for r in rules]
        )
        accuracies[score] = [r["accuracy"] for r in rules]
    assert accuracies["entropy"] != accuracies["margin"]
    assert told["entropy"] != told["margin"]
    with pytest.raises(ValueError, match=r"one: score must be one of 'entropy', .*, got 'gate'"):
        read_score(written(results.parent, **listed | {"score": "gate"}), "one")


def test_rules_by_hand():
    """Three networks on ten images; the last is best by one image, the first the simplest."""
    right = np.zeros((3, 10))
    right[0, :8], right[1, :7], right[2, 1:10] = 1, 1, 1
    size = [(1, 5), (1, 9), (4, 20)]
    seen = Seen(right, np.array([0.1, 0.9, 0.2]), np.array([0.8, 0.6, 0.7]), size)
    chosen = {rule: choice(seen) for rule, choice in RULES.items()}
    assert chosen == {
        "mean over seeds": 2,
        "first seed": 1,
        # Behind by 1/10; the paired differences 1, 1 and -1 have a standard error of 0.18.
        "one standard error": 0,
        "crossed": 0,
    }


def test_half_of_validation_chooses_and_the_other_half_tells(monkeypatch):
    monkeypatch.setattr(choosing, "DRAWS", 3)
    good, bad, dear = plain("good", 90, 10), plain("bad", 20, 10), plain("dear", 100, 99)
    found = [dataclasses.replace(one, seeds={0: one.seeds[0], 1: one.seeds[0]})
             for one in (good, bad, dear)]  # fmt: skip
    rows = rule_rows(found, {"1/2": 50.0})
    assert {(row["rule"], row["images"]) for row in rows} == {(rule, 50) for rule in RULES}
    assert all(row["lost"] == pytest.approx(0) for row in rows)
    assert all(row["accuracy"] == pytest.approx(0.9, abs=0.08) for row in rows)


def test_every_half_has_half_of_every_class():
    labels = np.arange(40) % 4
    half, order = choosing._half(labels, np.random.default_rng(0))
    assert np.bincount(labels[half]).tolist() == [5] * 4
    assert sorted(order) == np.flatnonzero(half).tolist()
    assert np.bincount(labels[order[:8]]).tolist() == [2] * 4  # any part of it has all classes


def test_chains_of_packed_answers_are_those_of_exit_logits(results, monkeypatch):
    """The same networks are chosen, and those that are not put together are as good."""
    monkeypatch.setattr(choosing, "DRAWS", 2)
    folder = results.parent / "one"
    listed = {"plain": ["thin", "dear"], "early exit": ["early", "other"]}
    listed |= {"cascade": [["thin", "dear"]] * 2, "mixture": [["thin", "early"]] * 2}
    written(results.parent, **listed)
    write_ways(results.parent, results, "one", [0])
    networks = ("thin", "dear", "early", "other")
    exits = {f"{name}/seed0": folder / f"{name}/seed0/exit_logits.h5" for name in networks}
    arrays = answers({name: read_exit_logits(path) for name, path in exits.items()})
    np.savez(folder / "answers.npz", **arrays)
    monkeypatch.setattr(packing, "_LEVELS", 65535)  # hardly rounded
    pack_answers(folder / "answers.npz", folder / "answers.npz.xz")
    with pytest.raises(ValueError, match=r"one must leave by entropy: .* packed, got 'margin'"):
        write_chains(results.parent, "one", written(results.parent, **listed | {"score": "margin"}))
    write_chains(results.parent, "one", written(results.parent, **listed))
    wanted, found = (read_table(folder / f"{name}.csv") for name in ("contest", "chains"))
    assert found
    for row, other in zip(found, wanted, strict=True):
        assert [row[k] for k in ("teacher_share", "way", "network")] == [
            other[k] for k in ("teacher_share", "way", "network")
        ]
        if "→" not in row["network"]:  # entropies of these tie once they are rounded
            assert float(row["accuracy"]) == pytest.approx(float(other["accuracy"]), abs=0.02)


def test_a_chain_asks_the_next_member_and_pays_for_it():
    """Of three plain networks, the cheapest first; an early-exit one stands beside them."""

    def one(entropy, right, macs):
        split = {"val": np.array([entropy]), "test": np.array([entropy])}
        held = {"val": np.array([right]), "test": np.array([right])}
        return {0: Answers(split, held, np.array(macs), 5)}

    plain = {"b": one([0.2], [True], [30]), "a": one([0.1], [False], [10])}
    plain["c"] = one([0.3], [False], [40])
    early = {"e": one([0.3, 0.4], [False, True], [20, 40])}
    found = {name: (way, seeds[0]) for name, way, seeds in chains(plain, early)}
    ways = {name: way for name, (way, _) in found.items()}
    assert ways == {
        "b": "plain", "a": "plain", "c": "plain", "e": "early exit",
        "a → b": "cascade", "a → c": "cascade", "b → c": "cascade", "a → b → c": "cascade",
    }  # fmt: skip
    whole = found["a → b → c"][1]
    assert whole.macs.tolist() == [10, 40, 80]
    assert whole.entropy["val"].tolist() == [[0.1, 0.2, 0.3]]
    assert whole.right["test"].tolist() == [[False, True, False]]


def test_answers_that_are_not_there_are_named(results, monkeypatch):
    monkeypatch.setattr(chains_module, "unpacked_answers", lambda path: {})
    with pytest.raises(ValueError, match=r"hold every network of ways.yaml, has none of dear"):
        write_chains(results.parent, "one", results)
