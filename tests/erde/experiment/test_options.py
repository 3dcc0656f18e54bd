"""What --config may say: known keys, known words."""

import pytest

from erde.experiment.errors import ExperimentError
from erde.experiment.options import RunOptions, run_options


@pytest.mark.parametrize("word", ["false", "False", "no", "off", 0, False])
def test_words_for_no(word):
    assert run_options({"rivals": word}).rivals is False


@pytest.mark.parametrize("word", ["true", "YES", "on", 1, True])
def test_words_for_yes(word):
    assert run_options({"latency": word}).latency is True


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"rivals": "maybe"}, "--config rivals must be true or false, got 'maybe'"),
        ({"rivals": None}, "must be true or false, got None"),
        ({"latency": 2}, "must be true or false, got 2"),
        ({"rivalz": True}, "unknown key 'rivalz'; did you mean 'rivals'"),
        ({"checkpoint_seconds": "soon"}, "must be a number >= 0, got 'soon'"),
        ({"checkpoint_seconds": True}, "must be a number >= 0, got True"),
        ({"students_per_gpu": "two"}, "students_per_gpu must be a whole number >= 1, got 'two'"),
        ({"students_per_gpu": 0}, "must be a whole number >= 1, got 0"),
        ({"students_per_gpu": 1.5}, "must be a whole number >= 1, got 1.5"),
        ({"students_per_gpu": True}, "must be a whole number >= 1, got True"),
        ({"data": None}, "--config data must name a folder, got None"),
    ],
)
def test_other_words_and_keys_are_refused_by_name(config, message):
    with pytest.raises(ExperimentError) as caught:
        run_options(config)
    assert message in str(caught.value)


def test_defaults():
    assert run_options({}) == RunOptions()


@pytest.mark.parametrize("number", [3, "3"])
def test_students_that_share_a_gpu_are_counted(number):
    assert run_options({"students_per_gpu": number}).students_per_gpu == 3


@pytest.mark.parametrize("seconds", [0, "0", 0.5, 86400])
def test_a_checkpoint_may_be_written_after_every_step(seconds):
    assert run_options({"checkpoint_seconds": seconds}).checkpoint_seconds == float(seconds)
