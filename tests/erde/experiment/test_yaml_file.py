"""YAML as people read it: what YAML 1.1 takes for something else is refused with the line."""

import re
from pathlib import Path

import pytest

from erde.experiment.errors import ExperimentError
from erde.experiment.schema import read_experiment
from erde.experiment.yaml_file import YamlError, read_yaml

EXPERIMENTS = Path(__file__).parents[3] / "workflow" / "experiments"


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        path = tmp_path / "x.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_yaml(path)

    return read_text


@pytest.mark.parametrize(
    "number", ["010", "00", "-017", "1_000", "1_0.5", "0x10", "0b11", "1:30", "190:20:30.15"]
)
def test_old_number_forms_are_refused(read, number):
    with pytest.raises(YamlError, match=f"^line 2: {number} must be written as a decimal number"):
        read(f"a: 1\nepochs: {number}\n")


@pytest.mark.parametrize("number", [".inf", "-.INF", ".nan", "1e400", "-1e999", "1e-400"])
def test_numbers_without_a_finite_value_are_refused(read, number):
    with pytest.raises(YamlError, match="line 1: "):
        read(f"a: {number}")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-3", -3),
        ("+3", 3),
        (".5", 0.5),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("5E-04", 5e-4),
        ("010.5", 10.5),
        ("0e5", 0.0),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ('"010"', "010"),
        ("'no'", "no"),
        ("08", "08"),  # for the schema to refuse: text in YAML 1.1, an octal number gone wrong
        ("1,000", "1,000"),
        ("resnet10", "resnet10"),
    ],
)
def test_plain_words_mean_what_they_say(read, text, value):
    found = read(f"a: {text}")["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("word", ["no", "Yes", "ON", "off"])
def test_words_that_yaml_takes_for_booleans_are_refused(read, word):
    with pytest.raises(YamlError, match=f'{word} must be written true or false, or .* "{word}"'):
        read(f"flip: {word}")
    with pytest.raises(YamlError, match=f'{word} must be written .* in quotes.* "{word}"'):
        read(f"variants:\n  {word}: {{method: kd}}")


@pytest.mark.parametrize("key", ["123", "1.5", "1e3", "true", "null", "~"])
def test_labels_that_yaml_turns_into_something_else_are_to_be_quoted(read, key):
    with pytest.raises(YamlError, match=rf'line 2: the key {key} must stand in quotes.* "{key}"'):
        read(f"variants:\n  {key}: {{method: kd}}")
    assert read(f'variants:\n  "{key}": 1') == {"variants": {key: 1}}


@pytest.mark.parametrize("date", ["2024-01-02", "2020-13-45", "2001-12-14t21:59:43.10-05:00"])
def test_dates_are_to_be_quoted(read, date):
    with pytest.raises(YamlError, match=r"must be written in quotes .YAML takes it for a date"):
        read(f"path: {date}")


def test_a_number_where_text_belongs_is_to_be_quoted(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("dataset: {name: folder, path: 123, image_size: [8, 8], validation: 1}")
    with pytest.raises(ExperimentError, match="path: must be a valid string, got 123: write it in"):
        read_experiment(path)


@pytest.mark.parametrize("tag", ["!!str 1", "!!int '3'", "!!python/object:os.system x", "!x {}"])
def test_tags_are_refused(read, tag):
    with pytest.raises(YamlError, match="line 1: tags must not be used"):
        read(f"a: {tag}")


def test_a_bomb_of_aliases_is_refused_at_once(read):
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(YamlError, match="must hold at most 50000 values"):
        read("\n".join(["a0: &a0 [1, 2]", *levels]))  # expanded it would take hours


@pytest.mark.parametrize("text", ["a: &x [*x]", "a: &x {b: *x}", "[" * 50, "a: " + "{b: " * 5000])
def test_endless_nests_are_refused(read, text):
    with pytest.raises(YamlError):
        read(text)


def test_a_large_file_is_refused(read):
    with pytest.raises(YamlError, match="at most 256 kB"):
        read("a: 1\n" + "# \n" * 100_000)


def test_merged_mappings_are_not_repeated_keys(read):
    """Whatever the order in which nested mappings are built."""
    text = "a: &a {x: 1}\nb: {c: {d: &d {<<: *a, x: 2}}}\ne: {<<: *d}\nf: {<<: [*a, *d]}\n"
    found = read(text)
    assert found["e"] == found["b"]["c"]["d"] == {"x": 2}
    assert found["f"] == {"x": 1}


@pytest.mark.parametrize("text", ["? [a]\n: 1", "? {a: 1}\n: 1", "<<: 3", "a: {<<: [3]}"])
def test_keys_are_words(read, text):
    with pytest.raises(YamlError, match="line 1: "):
        read(text)


@pytest.mark.parametrize("text", [b"\xff\xfe", b"a: \xed\xa0\x80", b"a: \x00", "a: 1\n---\nb: 2"])
def test_what_is_no_text_or_several_is_refused(read, text):
    with pytest.raises(YamlError, match="not readable: "):
        read(text)


def test_a_mark_of_byte_order_is_passed_over(read):
    assert read("\ufeffa: 1") == {"a": 1}


@pytest.mark.parametrize("content", [b"a: [1", b"a: \xff", b"\tb: 1"])
def test_what_is_not_yaml(tmp_path, content):
    (tmp_path / "x.yaml").write_bytes(content)
    with pytest.raises(ExperimentError, match=r"x\.yaml: not readable: [^\n]+$"):
        read_experiment(tmp_path / "x.yaml")


@pytest.mark.parametrize(("content", "found"), [(b"", "NoneType"), (b"- 1", "list")])
def test_yaml_without_keys(tmp_path, content, found):
    (tmp_path / "x.yaml").write_bytes(content)
    with pytest.raises(ExperimentError, match=f"must be a mapping of keys, got {found}"):
        read_experiment(tmp_path / "x.yaml")


@pytest.mark.parametrize("number", ["5e-4", "5E-04", "0.5e-3", "0.0005", "+5e-4"])
def test_numbers_as_people_write_them(tmp_path, number):
    text = (EXPERIMENTS / "digits.yaml").read_text(encoding="utf-8")
    text = re.sub("learning_rate: 0.1", f"learning_rate: 0.1, weight_decay: {number}", text)
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    assert read_experiment(tmp_path / "x.yaml").student.train.weight_decay == 5e-4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds: [0]\nseeds: [1]\n", "line 2: key 'seeds' must stand once, got it again"),
        ("variants:\n  a: {method: kd}\n  a: {method: ce}\n", "line 3: key 'a' must stand once"),
        ("a: {x: 1}\nb: {<<: {x: 2}, <<: {x: 3}}\n", "line 2: key '<<' must stand once"),
    ],
)
def test_a_repeated_key_is_refused(tmp_path, text, message):
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ExperimentError, match=rf"x\.yaml: {re.escape(message)}"):
        read_experiment(path)
