"""What an experiment file says of photographs: sizes, crops, what is held out."""

import pytest

from erde.experiment.errors import ExperimentError
from erde.experiment.schema import parse_experiment
from erde_torch.training.settings import AugmentSettings

PHOTOGRAPHS = {
    "dataset": {
        "name": "folder",
        "path": "x",
        "image_size": 96,
        "resize": "crop",
        "validation": 0.1,
        "split_seed": 7,
    },
    "augment": {"crops": {"scale": [0.35, 1]}, "colour": 0.2},
    "cache": {"views": 30},
    "teacher": {"train": {"epochs": 1}},
    "student": {"train": {"epochs": 1}},
    "variants": {"erde": {"method": "erde"}},
    "seeds": [0],
}


def test_crops_are_drawn_from_the_seed_of_the_split():
    experiment = parse_experiment(PHOTOGRAPHS, "x")
    assert experiment.augment.crops.seed == 7
    assert experiment.augment.crops.scale == (0.35, 1)
    assert AugmentSettings.of(experiment.named()["augment"]) == experiment.augment


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("cache", {}, "cache.views must be a number where augment has crops, got 'all'"),
        ("augment", {"crops": {}, "pad": 4}, "augment: pad must not stand beside crops"),
        ("augment", {"colour": 0.2}, "colour must be 0 without crops"),
        ("augment", {"crops": {"scale": [0.5, 2.0]}}, "scale must be two rising shares"),
    ],
)
def test_crops_that_do_not_fit_are_refused(part, change, message):
    with pytest.raises(ExperimentError, match=message):
        parse_experiment(PHOTOGRAPHS | {part: change}, "x")


@pytest.mark.parametrize("value", [0, -1, 1.5, 0.0, True, "some"])
def test_validation_is_a_count_a_fraction_or_a_folder(value):
    dataset = PHOTOGRAPHS["dataset"] | {"validation": value}
    with pytest.raises(ExperimentError, match="dataset"):
        parse_experiment(PHOTOGRAPHS | {"dataset": dataset}, "x")
