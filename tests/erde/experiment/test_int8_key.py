"""The key ``int8``: false, true, or how."""

import json
import warnings
from dataclasses import asdict

import pytest

from erde.experiment.errors import ExperimentError
from erde.experiment.schema import parse_experiment
from erde_torch.int8.settings import Int8Settings
from tests.erde.experiment.test_schema import KEYS


def test_int8_is_a_switch_or_how():
    off, on = (parse_experiment(KEYS | {"int8": value}, "x.yaml") for value in (False, True))
    assert "int8" not in off.named()
    assert off.named() == parse_experiment(KEYS, "x.yaml").named()
    ranges = {"images": 512, "method": "minmax", "reduce_range": True}
    assert on.named()["int8"] == ranges | {"correct_biases": True}
    how = parse_experiment(KEYS | {"int8": {"method": "entropy"}}, "x.yaml")
    assert how.quantisation == Int8Settings(method="entropy")
    assert how.named()["int8"]["method"] == "entropy"
    assert parse_experiment(KEYS | {"int8": True, "score": "gate"}, "x.yaml").score == "gate"


def test_a_file_is_dumped_whole_as_it_was_read():
    for value in (False, True, {"images": 100}):
        found = parse_experiment(KEYS | {"int8": value}, "x.yaml")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            dumped = found.model_dump()["int8"]
            assert json.loads(found.model_dump_json())["int8"] == dumped
        assert dumped == (value if isinstance(value, bool) else asdict(Int8Settings(images=100)))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"image": 3}, "int8: unknown key 'image'; did you mean 'images'?"),
        ({"images": 0}, "int8.images: must be greater than or equal to 1, got 0"),
        ({"method": "kl"}, "int8.method: must be 'minmax', 'entropy' or 'percentile', got 'kl'"),
        ("yes", "int8: must be true, false or a mapping of keys, got 'yes'"),
    ],
)
def test_int8_that_is_neither_is_refused(value, message):
    with pytest.raises(ExperimentError) as error:
        parse_experiment(KEYS | {"int8": value}, "x.yaml")
    assert str(error.value) == f"x.yaml: {message}"
