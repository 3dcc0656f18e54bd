import copy

import pytest

from erde.experiment.schema import parse_experiment
from erde.running.asking.questions import Questions
from erde.running.cluster.needs import least_data_bytes, memory_mb
from erde_torch.networks.table import known_names

JOBS = ("data", "teacher", "cache", "verify", "student", "rival", "exit_logits")
KEYS = {
    "dataset": {"name": "cifar100", "validation": 5000},
    "teacher": {"train": {"epochs": 1}},
    "student": {"train": {"epochs": 1}},
    "variants": {"erde": {"method": "erde"}},
    "seeds": [0],
}
EPOCH = {"train": {"epochs": 1}}


def needed(job, **changes):
    return memory_mb(parse_experiment(copy.deepcopy(KEYS) | changes, "test"), job, Questions())


def test_cifar100_by_hand():
    pixels, padded = 60_000 * 32 * 32 * 3, 60_000 * 40 * 40 * 3
    teacher = 128 * 32 * 32 * 64 * 85 * 4
    student = 128 * 32 * 32 * 64 * 40 * 4
    cache = 162 * 60_000 * 4 * 100 * 2
    assert needed("data") == pytest.approx(3000 + 8 * pixels / 1e6, abs=1)
    assert needed("teacher") == pytest.approx(3000 + (4 * padded + teacher) / 1e6, abs=1)
    expected = 3000 + (4 * padded + teacher + student + 2 * cache) / 1e6
    assert needed("student") == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("job", JOBS)
def test_it_is_a_whole_number_of_megabytes(job):
    assert type(needed(job)) is int
    assert needed(job) > 3000


def test_it_grows_with_what_it_holds():
    few = needed("student", cache={"views": 4})
    assert needed("student") - few == pytest.approx(2 * 158 * 60_000 * 800 / 1e6, abs=1)
    without = {"ce": {"method": "ce"}}
    assert needed("student", variants=without) < few
    assert needed("rival", variants=without) == needed("rival")  # they read the cache all the same
    assert needed("rival") - needed("rival", cache={"views": 4}) == needed("student") - few
    wide = {"network": {"name": "resnet34", "width": 2.0}, "train": {"epochs": 1}}
    assert needed("teacher", teacher=wide) > needed("teacher")
    assert needed("verify", cache={"views": 4}) < needed("verify")
    assert needed("teacher", cache={"views": 4}) == needed("teacher")


def test_a_variants_own_batch_counts():
    large = {"train": {"batch_size": 1280}}
    more = 1152 * 32 * 32 * 64 * 40 * 4 / 1e6  # images, times what the student keeps of each
    erde, kd = ({name: {"method": name}} for name in ("erde", "kd"))
    own = {"erde": {"method": "erde"} | large, "kd": {"method": "kd"}}
    grown = needed("student", variants=own) - needed("student", variants=erde | kd)
    assert grown == pytest.approx(more, abs=1)
    assert needed("rival", variants=own) == needed("rival")
    own = {"erde": {"method": "erde"}, "kd": {"method": "kd"} | large}
    assert needed("rival", variants=own) - needed("rival") == pytest.approx(more, abs=1)


def test_every_process_of_a_training_has_its_own():
    two = {"train": {"epochs": 1, "processes": 2}}
    assert needed("teacher", teacher=two) == 2 * needed("teacher")
    assert needed("student", student=two) == 2 * needed("student")
    assert needed("cache", teacher=two) == needed("cache")


def test_a_folder_is_counted(tmp_path):
    for name in ("train/cat", "train/dog", "test/cat", "test/dog"):
        (tmp_path / name).mkdir(parents=True)
        for index in range(50):
            (tmp_path / name / f"{index}.png").touch()
    (tmp_path / "notes.txt").touch()
    source = {"name": "folder", "path": str(tmp_path), "image_size": [1000, 1000], "validation": 4}
    grown = source | {"image_size": [1000, 2000]}
    more = needed("exit_logits", dataset=grown) - needed("exit_logits", dataset=source)
    assert more >= 4 * 200 * 3  # images of 3 MB more, stored and padded
    assert needed("data", dataset=source) == 3000  # it streams: few of them in memory
    assert needed("data", dataset=source | {"path": str(tmp_path / "none")}) == 3000


def test_what_it_takes_at_least_is_below_the_upper_bound():
    experiment = parse_experiment(copy.deepcopy(KEYS), "test")
    assert least_data_bytes(experiment) == 2 * 60_000 * 32 * 32 * 3
    assert least_data_bytes(experiment) < 10**6 * memory_mb(experiment, "data", Questions())


def test_digits_are_in_colour():
    source = {"name": "digits", "train_images": 4000, "canvas": 64}
    assert needed("data", dataset=source) == 3000 + -(-8 * 5000 * 64 * 64 * 3 // 10**6)


def test_small_batches_still_pay_for_the_large_ones_of_answering():
    small = {"train": {"epochs": 1, "batch_size": 2}}
    smaller = {"train": {"epochs": 1, "batch_size": 64}}
    assert needed("teacher", teacher=small) == needed("teacher", teacher=smaller)
    assert needed("teacher", teacher=smaller) < needed("teacher")


def test_every_network_of_the_table_needs_memory():
    least = needed("teacher", teacher={"network": {"name": "resnet10", "width": 0.01}} | EPOCH)
    for name in [*known_names(), "timm/resnet18"]:
        assert needed("teacher", teacher={"network": {"name": name}} | EPOCH) > least, name


def test_the_cache_has_as_many_exits_as_the_teacher():
    few = {"network": {"name": "resnet34", "exits": [1]}} | EPOCH
    assert needed("verify") - needed("verify", teacher=few) == pytest.approx(
        162 * 60_000 * 2 * 100 * 2 / 1e6, abs=1
    )


def test_behind_the_stem_for_large_images_there_are_few_pixels():
    digits = {"name": "digits", "canvas": 64}
    small, large = (
        needed(
            "teacher",
            dataset=digits,
            teacher={"network": {"name": "resnet34", "stem": stem}} | EPOCH,
        )
        for stem in ("small", "imagenet")
    )
    assert large < small


class Told:
    """Whoever is asked about a step says the same."""

    def ask(self, about, words):
        step = {"weights": 1, "image_bytes": 10**7, "image_operations": 1}
        device = {"memory_bytes": 0, "precision": "float32", "operations_per_second": {}}
        return {"steps": [step] * len(words["networks"]), "device": device}


def test_models_of_a_library_are_counted_one_by_one():
    keys = KEYS | {
        "dataset": {"name": "digits", "canvas": 64},
        "student": {"network": {"name": "timm/mobilenetv3_small_050"}} | EPOCH,
        "variants": {"ce": {"method": "ce"}},
    }
    found = parse_experiment(copy.deepcopy(keys), "test")
    ours = parse_experiment(copy.deepcopy(keys | {"student": EPOCH}), "test")
    network = memory_mb(found, "rival", Told()) - memory_mb(ours, "rival", Told())
    resnet10 = 128 * 64 * 64 * 64 * 40 * 4
    assert network == pytest.approx((3.3 * 128 * 10**7 - resnet10) / 1e6, abs=1)
