"""The composed experiments are those that were published, and mistakes are refused by name."""

import json
from collections import Counter
from pathlib import Path

import pytest

from erde.experiment.schema import parse_experiment, read_experiment
from studies.compose import BOOK, HERE, compose, overlaid, read_book, read_list, write_experiments

LISTS = sorted(HERE.glob("*.txt"))
LISTED = {name for path in LISTS for name, _ in read_list(path)}
# What docs/results was measured with, key by key: never edited, only ever added to.
PUBLISHED = json.loads(Path(__file__).with_name("published.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    (folder / BOOK).write_text((HERE / BOOK).read_text(encoding="utf-8"), encoding="utf-8")
    return write_experiments(folder, LISTED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_experiment_keeps_its_settings(written, name):
    found, published = (
        read_experiment(written / f"{name}.yaml"),
        parse_experiment(PUBLISHED[name], ""),
    )
    assert found == published
    assert list(found.variants) == list(published.variants)  # the order of curves in pictures


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_every_experiment_of_the_study_is_sound(written, path):
    for name, _ in read_list(path):
        exp = read_experiment(written / f"{name}.yaml")
        methods = [v.method for v in exp.variants.values()]
        if name.endswith("_tuning"):  # the same effort for all
            assert set(Counter(methods).values()) == {6}
        if {"masked_kd", "erde"} <= exp.variants.keys():  # they differ in the entropy term alone
            masked, erde = (vars(exp.variants[label].loss) for label in ("masked_kd", "erde"))
            assert {k for k in masked if masked[k] != erde[k]} == {"entropy_weight"}


def test_no_published_experiment_is_forgotten_and_nothing_is_said_in_vain():
    book = read_book(HERE / BOOK)
    assert PUBLISHED.keys() <= LISTED
    assert book["exceptions"].keys() <= LISTED
    assert all(any(name.endswith(f"_{change}") for name in LISTED) for change in book["changes"])


BOOK_OF_ONE = {
    "bases": {"a": {"train": {"epochs": 4, "rate": 0.5}, "variants": {"x": {"y": 1}}}},
    "changes": {"b": {"train": {"epochs": {"times": 3}}, "variants": {"z": {}}}},
    "exceptions": {"a_b": {"train": {"rate": 2}}},
}


def test_a_change_is_laid_over_its_base_key_by_key():
    before = json.dumps(BOOK_OF_ONE)
    found = compose("a_b", BOOK_OF_ONE)
    assert found == {"train": {"epochs": 12, "rate": 2}, "variants": {"z": {}}}
    assert compose("a", BOOK_OF_ONE) == BOOK_OF_ONE["bases"]["a"]
    assert json.dumps(BOOK_OF_ONE) == before
    assert overlaid({"a": 1}, {"a": {"b": 2}, "c": 3}) == {"a": {"b": 2}, "c": 3}


@pytest.mark.parametrize("name", ["a_", "ab", "a_bb", "b", "a_c"])
def test_an_unknown_experiment_is_refused(name):
    with pytest.raises(ValueError, match=f"'{name}' must be a base or base_change; "):
        compose(name, BOOK_OF_ONE)


def test_a_book_that_is_none_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"experiments\.yaml: not readable"):
        write_experiments(tmp_path, ["a"])
    (tmp_path / BOOK).write_text("bases: {}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="must have the parts bases, changes, exceptions"):
        write_experiments(tmp_path, ["a"])
    misspelt = BOOK_OF_ONE | {"exceptions": {"a_bb": {}}}
    (tmp_path / BOOK).write_text(json.dumps(misspelt), encoding="utf-8")
    with pytest.raises(ValueError, match=r"exceptions: experiment 'a_bb' must .* mean 'a_b'"):
        write_experiments(tmp_path, ["a"])
    twice = json.dumps(BOOK_OF_ONE).replace('"rate": 2', '"rate": 2, "rate": 3')
    (tmp_path / BOOK).write_text(twice, encoding="utf-8")
    with pytest.raises(ValueError, match="line 1: key 'rate' must stand once"):
        write_experiments(tmp_path, ["a"])
    (tmp_path / BOOK).write_text(json.dumps(BOOK_OF_ONE), encoding="utf-8")
    with pytest.raises(ValueError, match="'c'"):
        write_experiments(tmp_path, ["a", "c"])
    assert not (tmp_path / "experiments").exists()
