"""Labels of listed values: readable, stable, and read back as they were written."""

import pytest

from erde.experiment.names import (
    family_of,
    listed_name,
    name_of,
    shown_variant,
    split_name,
    values_name,
)
from erde.experiment.schema import parse_experiment
from tests.erde.experiment.test_schema import KEYS

WRITTEN = [
    ({"entropy_weight": 0.3}, "erde-entropy_weight-0.3"),
    ({"entropy_weight": 1}, "erde-entropy_weight-1"),
    ({"entropy_weight": 1.0}, "erde-entropy_weight-1"),
    ({"entropy_weight": 0}, "erde-entropy_weight-0"),
    ({"entropy_weight": -0.0}, "erde-entropy_weight-0"),
    ({"entropy_weight": 1e-3}, "erde-entropy_weight-0.001"),
    ({"entropy_weight": 1e-5}, "erde-entropy_weight-1e-05"),
    ({"entropy_weight": 1e22}, "erde-entropy_weight-1e22"),
    ({"entropy_weight": 0.1 + 0.2}, "erde-entropy_weight-0.30000000000000004"),
    ({"entropy_scale": "log_c"}, "erde-entropy_scale-log_c"),
    ({"exit_weights": [1, 0.5, 1e-5, 2.0]}, "erde-exit_weights-1_0.5_1e-05_2"),
    ({"decoupled": [1, 0.5]}, "erde-decoupled-1_0.5"),
    ({"target_from": "last", "self_weight": 0.5}, "erde-target_from-last-self_weight-0.5"),
    ({"right_from": "last", "temperature": 4}, "erde-temperature-4-right_from-last"),
    ({"entropy_scale": "log_c", "ce_weight": 1e-5}, "erde-ce_weight-1e-05-entropy_scale-log_c"),
]


@pytest.mark.parametrize(("values", "label"), WRITTEN, ids=[label for _, label in WRITTEN])
def test_a_label_says_its_values_and_reads_back(values, label):
    assert listed_name("erde", values) == label
    family, texts = split_name(label)
    assert family == family_of(label) == "erde"
    assert set(texts) == set(values)
    for key, value in values.items():
        if isinstance(value, list):
            assert [float(text) for text in texts[key].split("_")] == value
        else:
            assert type(value)(texts[key]) == value
    variants = {
        label: {"method": "erde"} | values
    }  # what the model allows is what a folder may be called
    assert list(parse_experiment(KEYS | {"variants": variants}, "x.yaml").variants) == [label]


@pytest.mark.parametrize("label", ["erde", "kd-0.3", "erde-entropy_weight", "my-entropy-0.3"])
def test_other_labels_are_their_own_family(label):
    assert split_name(label) == (label, {})


def test_a_family_may_have_any_label():
    assert split_name("a-b.c-temperature-2")[0] == "a-b.c"


def test_what_readers_see():
    assert name_of("erde") == "ERDE"
    assert name_of("mine") == "mine"
    assert name_of("erde-entropy_weight-0.3") == "ERDE, entropy weight 0.3"
    both = "masked_kd-temperature-2-exit_weights-1_1_1_0.5"
    assert name_of(both) == "masked KD, temperature 2, exit weights 1 1 1 0.5"
    assert values_name(both) == "2, 1 1 1 0.5"
    assert values_name("erde-entropy_scale-log_c") == "log_c"


def test_names_of_the_other_forms():
    assert name_of("dkd") == "DKD"
    assert name_of("kd_ls-temperature-2") == "KD, standardised, temperature 2"
    assert split_name("kd-standardise-true") == ("kd", {"standardise": "true"})
    assert name_of("dkd-decoupled-1_8") == "DKD, decoupled 1 8"


def test_the_variant_that_is_shown_is_found_by_its_method():
    assert shown_variant({"erde_free": "ce", "ours": "erde", "erde": "erde"}) == "ours"
    assert shown_variant({"a": "kd", "b": "ce"}) == "a"
