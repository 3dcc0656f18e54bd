"""Lists of values become variants; what is wrong in them is one sentence before any job."""

import pytest

from erde.experiment.errors import ExperimentError
from erde.experiment.schema import parse_experiment
from erde.experiment.variants import plain_distillation
from erde_core.settings import method_settings
from tests.erde.experiment.test_schema import KEYS


def variants(**given):
    return parse_experiment(KEYS | {"variants": given}, "x.yaml").variants


def test_one_variant_per_value_and_none_for_the_list():
    found = variants(kd={"method": "kd"}, erde={"method": "erde", "entropy_weight": [0, 0.3, 1]})
    assert {label: variant.loss.entropy_weight for label, variant in found.items()} == {
        "kd": 0,
        "erde-entropy_weight-0": 0,
        "erde-entropy_weight-0.3": 0.3,
        "erde-entropy_weight-1": 1,
    }


def test_several_lists_give_every_combination():
    listed = {"entropy_scale": ["nats", "log_c"], "temperature": [1, 4], "ce_weight": 0.5}
    found = variants(erde={"method": "erde", "teacher": "online"} | listed)
    assert {(v.loss.temperature, v.loss.entropy_scale) for v in found.values()} == {
        (t, scale) for t in (1, 4) for scale in ("nats", "log_c")
    }
    assert list(found)[1] == "erde-temperature-1-entropy_scale-log_c"
    assert all(v.loss.ce_weight == 0.5 and v.teacher == "online" for v in found.values())


def test_plain_distillation_is_the_first_of_method_kd():
    kd = {"method": "kd", "temperature": 2, "kd_weight": [0.5, 1]}
    found = plain_distillation(variants(erde={"method": "erde"}, mine=kd, kd={"method": "kd"}))
    assert found.loss == method_settings("kd", temperature=2, kd_weight=0.5)
    assert plain_distillation(variants(erde={"method": "erde"})).loss == method_settings("kd")


def test_the_order_of_keys_changes_no_label():
    forth = variants(erde={"method": "erde", "temperature": [1, 4], "entropy_weight": [0, 1]})
    back = variants(erde={"entropy_weight": [0, 1], "temperature": [1, 4], "method": "erde"})
    assert list(forth) == list(back)


def test_weights_of_exits_are_a_list_already():
    (alone,) = variants(erde={"method": "erde", "exit_weights": [1, 1, 1, 2]}).items()
    assert alone[0] == "erde"
    found = variants(erde={"method": "erde", "exit_weights": [[1, 1, 1, 2], [0.5, 1, 1, 1]]})
    assert {label: variant.loss.exit_weights for label, variant in found.items()} == {
        "erde-exit_weights-1_1_1_2": (1, 1, 1, 2),
        "erde-exit_weights-0.5_1_1_1": (0.5, 1, 1, 1),
    }


def test_decoupled_is_a_list_already():
    (alone,) = variants(dkd={"method": "dkd", "decoupled": [1, 4]}).items()
    assert (alone[0], alone[1].loss.decoupled) == ("dkd", (1.0, 4.0))
    found = variants(dkd={"method": "dkd", "decoupled": [[1, 8], [0.5, 2]]})
    assert {label: variant.loss.decoupled for label, variant in found.items()} == {
        "dkd-decoupled-1_8": (1.0, 8.0),
        "dkd-decoupled-0.5_2": (0.5, 2.0),
    }


def test_booleans_stay_booleans():
    found = variants(kd={"method": "kd", "standardise": [False, True], "target_from": "last"})
    assert {label: variant.loss.standardise for label, variant in found.items()} == {
        "kd-standardise-false": False,
        "kd-standardise-true": True,
    }
    (alone,) = variants(kd_ls={"method": "kd_ls"}).values()
    assert alone.loss == method_settings("kd_ls")


def test_a_list_of_one_is_called_as_one_of_several():
    """So that the second value finds the first one's students."""
    assert list(variants(erde={"method": "erde", "temperature": [4]})) == ["erde-temperature-4"]


def test_the_spelling_of_a_number_changes_nothing():
    one = variants(erde={"method": "erde", "entropy_weight": [1, 2e-3]})
    other = variants(erde={"method": "erde", "entropy_weight": [1.0, 0.002]})
    assert [(k, repr(v)) for k, v in one.items()] == [(k, repr(v)) for k, v in other.items()]


BROKEN = [
    ({"entropy_weight": []}, "variants.erde: entropy_weight must list at least one value, got []"),
    (
        {"entropy_weight": [0.3, 1, 0.30]},
        "variants.erde: entropy_weight must list values that differ, got [0.3, 1, 0.3]",
    ),
    ({"entropy_weight": [1, 1.0]}, "values that differ, got [1, 1.0]"),
    ({"exit_weights": [[1, 1, 1, 1], [1, 1, 1, 1.0]]}, "exit_weights must list values that differ"),
    (
        {"entropy_weight": [0.3, -1]},
        "variants.erde: entropy_weight must be a finite number >= 0, got -1",
    ),
    ({"entropy_weight": [0.3, "1"]}, "entropy_weight must be a finite number >= 0, got '1'"),
    ({"entropy_weight": [0.3, True]}, "entropy_weight must be a finite number >= 0, got True"),
    ({"entropy_weight": [0.3, [1]]}, "entropy_weight must be a finite number >= 0, got [1]"),
    ({"entropy_weight": [0.3, None]}, "entropy_weight must list values without gaps"),
    ({"entropy_weight": [0.3, float("nan")]}, "must be a finite number >= 0, got nan"),
    ({"kd_mask": ["all", "none"]}, "kd_mask must be one of 'right', 'all', got 'none'"),
    ({"kd_mask": ["all", {}]}, "kd_mask must be one of 'right', 'all', got {}"),
    ({"exit_weights": [[1, 1, 1, 1], 2]}, "exit_weights must be a list of numbers or None, got 2"),
    ({"exit_weights": [[1, 1, 1, 1], None]}, "exit_weights must list values without gaps"),
    ({"exit_weights": [[1, 1]]}, "exit_weights must have one number per exit (4), got (1.0, 1.0)"),
    ({"decoupled": [1, 8, 1]}, "decoupled must be a list of two numbers or None, got [1, 8, 1]"),
    ({"decoupled": [[1, 8], [1, 8.0]]}, "decoupled must list values that differ"),
    ({"standardise": [True, 1]}, "standardise must be True or False, got 1"),
    ({"entropy_weigth": [0, 1]}, "unknown key 'entropy_weigth'; did you mean 'entropy_weight'?"),
    ({"teacher": ["cache", "online"]}, "variants.erde.teacher: must be 'cache' or 'online', got ["),
    ({"method": ["kd", "erde"], "temperature": [1, 2]}, "method must be one of ce, kd, masked_kd"),
]


@pytest.mark.parametrize(("keys", "message"), BROKEN)
def test_what_is_wrong_in_a_list_is_one_sentence(keys, message):
    with pytest.raises(ExperimentError, match=r"^x\.yaml: variants") as caught:
        variants(erde={"method": "erde"} | keys)
    assert message in str(caught.value)
    assert "more)" not in str(caught.value)


@pytest.mark.parametrize("explicit_first", [True, False])
def test_a_label_that_is_made_must_be_free(explicit_first):
    explicit = {"erde-temperature-2": {"method": "kd"}}
    listed = {"erde": {"method": "erde", "temperature": [1, 2.0]}}
    message = "the name 'erde-temperature-2' must be one variant's, got it from "
    with pytest.raises(ExperimentError, match=message) as caught:
        variants(**(explicit | listed if explicit_first else listed | explicit))
    assert "'erde'" in str(caught.value)


@pytest.mark.parametrize("label", ["a b", "größe", "a" * 190, 1])
def test_labels_of_lists_are_checked_too(label):
    listed = {label: {"method": "kd", "temperature": [1, 2]}}
    with pytest.raises(ExperimentError, match=r"x\.yaml: variants"):
        parse_experiment(KEYS | {"variants": listed}, "x.yaml")


@pytest.mark.parametrize("given", [None, [], "erde", {"erde": ["erde"]}])
def test_what_is_no_mapping_is_refused_as_ever(given):
    with pytest.raises(ExperimentError, match=r"x\.yaml: variants.* must be a "):
        parse_experiment(KEYS | {"variants": given}, "x.yaml")


def test_lists_that_make_too_many_variants_are_refused_before_any_is_made():
    values = [n / 1000 for n in range(1, 201)]
    keys = {"method": "erde", "temperature": values, "kd_weight": values, "entropy_weight": values}
    with pytest.raises(ExperimentError, match=r"lists must make at most \d+ variants, got 8000000"):
        variants(erde=keys)
