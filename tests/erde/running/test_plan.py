"""What is refused before the first job: trainings that this machine's memory cannot hold."""

import copy
import dataclasses

import pytest
from PIL import Image

from erde.experiment.schema import parse_experiment
from erde.running import plan
from erde.running.asking.questions import Questions
from erde.running.plan import check_before_any_job, check_classes, check_counts
from erde_core.errors import ErdeError
from tests.erde.running.cluster.test_needs import KEYS

LARGE = {"train": {"epochs": 1, "batch_size": 20_000}}


def experiment(**changes):
    return parse_experiment(copy.deepcopy(KEYS) | changes, "test")


def check(exp, results, machine_mb, on_gpu=False):
    check_before_any_job(exp, results, None, machine_mb, Questions(), on_gpu=on_gpu)


def test_a_training_that_no_memory_holds_is_refused_with_what_would_fit(tmp_path):
    with pytest.raises(ErdeError) as caught:
        check(experiment(student=LARGE), tmp_path, 16_000)
    said = str(caught.value)
    assert said.startswith("student: batch_size 20000 of resnet10 × width 1 at 32 × 32 pixels must")
    assert "machine's 16,000 MB of memory, got at least" in said
    assert "take a batch_size of at most" in said


def test_a_variants_own_batch_must_fit_the_images(tmp_path):
    few = {"name": "digits", "train_images": 200, "canvas": 16}
    batch = {"train": {"epochs": 1, "batch_size": 50}}
    parts = {"dataset": few, "teacher": batch, "student": batch}
    large = {"kd": {"method": "kd"}, "large": {"method": "kd", "train": {"batch_size": 201}}}
    wanted = r"^variants\.large\.train\.batch_size must be at most the 200 training images, got 201"
    with pytest.raises(ErdeError, match=wanted):
        check(experiment(**parts, variants=large), tmp_path, None)


def test_an_average_of_too_few_steps_is_refused(tmp_path):
    """Wherever it is asked for; of teachers, by the images of the one that sees fewest."""
    few = {"name": "digits", "train_images": 200, "canvas": 16}
    steps = {"epochs": 10, "batch_size": 50}  # 40: 0.9 ** 40 is 0.015, 0.95 ** 40 is 0.13
    usual, short = {"train": steps | {"ema_decay": 0.9}}, {"train": steps | {"ema_decay": 0.95}}
    kd = {"kd": {"method": "kd"}}
    own = kd | {"mine": {"method": "kd", "train": {"ema_decay": 0.93}}}
    parts = {"dataset": few, "teacher": usual, "student": usual, "variants": kd}
    check(experiment(**parts), tmp_path, None)
    for changes, said in [
        ({"teacher": short}, "teacher.train.ema_decay must be at most 0.9278 for 40 steps"),
        ({"student": short}, "student.train.ema_decay must be at most 0.9278 for 40 steps"),
        ({"variants": own}, "variants.mine.train.ema_decay must be at most 0.9278 for 40 steps"),
        (
            {"teacher": usual | {"folds": 2}},
            "teacher.train.ema_decay must be at most 0.8608 for 20",
        ),
    ]:
        with pytest.raises(ErdeError) as caught:
            check(experiment(**parts | changes), tmp_path, None)
        assert str(caught.value).startswith(said)


def test_how_the_work_is_done_is_the_students_for_a_variant_too(tmp_path):
    """The sentence names the key that may be changed."""
    student = {"train": {"epochs": 1, "graph": True}}
    own = {"kd": {"method": "kd", "train": {"epochs": 2}}}
    with pytest.raises(ErdeError, match=r"^student\.train\.graph must be false where no GPU"):
        check(experiment(student=student, variants=own), tmp_path, 64_000)


def test_a_score_that_validation_is_too_small_to_fit_is_refused(tmp_path):
    few = {"name": "cifar100", "validation": 199}
    wanted = r"score must be a bare one with fewer than 200 independent .* got 'gate' and 199$"
    with pytest.raises(ErdeError, match=wanted):
        check(experiment(dataset=few, score="gate"), tmp_path, None)
    check(experiment(dataset=few, score="margin"), tmp_path, None)
    check(experiment(dataset=few | {"validation": 200}, score="gate"), tmp_path, None)


LOSSES = {
    "dkd": {"method": "dkd"},
    "member": {
        "method": "dkd",
        "network": {"cascade": [{"name": "wrn16_1"}, {"name": "resnet10"}]},
    },
    "kd": {"method": "kd", "decoupled": [1, 1]},  # which the rivals learn by, too
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_that_two_classes_are_too_few_for_is_refused(name, folder, tmp_path):
    two = {"dataset": folder | {"validation": 40}, "variants": {name: LOSSES[name]}}
    rule = rf"^variants\.{name}: decoupled needs at least 3 classes, got 2$"
    with pytest.raises(ErdeError, match=rule):
        check_classes(experiment(**two))
    check_classes(experiment(dataset={"name": "digits"}, variants={name: LOSSES[name]}))


def test_classes_and_remarks_come_before_any_job(tmp_path, monkeypatch):
    asked = {"variants": {"dkd": {"method": "dkd", "exit_weights": [0, 1, 1, 1]}}}
    facts = dataclasses.replace(experiment().dataset.facts(), classes=2)
    monkeypatch.setattr(plan, "facts_or_none", lambda _: facts)
    said = []
    with pytest.raises(ErdeError, match=r"^variants\.dkd: decoupled needs at least 3 classes"):
        check_before_any_job(experiment(**asked), tmp_path, None, None, Questions(), said.append)
    assert [sentence.partition(":")[0] for sentence in said] == ["variants.dkd"]


@pytest.fixture
def folder(tmp_path):
    """Images that are only listed here: 2 classes of 300 to train, every two of one object."""
    names = [f"{name}/{n}.png" for name in ("cat", "dog") for n in range(300)]
    for part in ("train", "test"):
        for name in names:
            path = tmp_path / "images" / part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    rows = [
        f"{part}/{name},{part}{int(name[4:-4]) // 2}{name[:3]}"
        for part in ("train", "test")
        for name in names
    ]
    (tmp_path / "images/groups.csv").write_text("\n".join(["file,group", *rows]), encoding="utf-8")
    return {"name": "folder", "path": str(tmp_path / "images"), "image_size": [16, 16]}


def test_images_of_one_object_are_one_image_to_fit_a_score(folder):
    """300 images to validate with, of 150 objects."""
    dataset = folder | {"validation": 300}
    with pytest.raises(ErdeError, match=r"200 independent .* got 'gate' and 150$"):
        check_counts(experiment(dataset=dataset, score="gate"))
    check_counts(experiment(dataset=folder | {"validation": 400}, score="gate"))


def test_groups_on_a_disk_that_is_away_are_no_reason_to_refuse(folder, tmp_path):
    """Once ``data.h5`` is made of them; before, listing the images refuses them."""
    groups = tmp_path / "images/groups.csv"
    groups.unlink()
    groups.symlink_to(tmp_path / "unmounted/groups.csv")
    check_counts(experiment(dataset=folder | {"validation": 300}, score="gate"))


def test_batches_are_held_to_the_images_that_groups_leave(folder):
    """Of 301 to be held out, two a group, 300 or 302 are: 298 are left at times, never 299."""
    small = {"train": {"epochs": 1, "batch_size": 2}}
    student = {"train": {"epochs": 1, "batch_size": 299}}
    said = set()
    for seed in range(8):
        dataset = folder | {"validation": 301, "split_seed": seed}
        try:
            check_counts(experiment(dataset=dataset, teacher=small, student=student))
        except ErdeError as error:
            said.add(str(error))
    assert said == {"student.train.batch_size must be at most the 298 training images, got 299"}


def test_folds_are_held_to_the_classes(folder):
    """Groups of each class are dealt out by themselves, and the first fold gets what is left."""
    small = {"train": {"epochs": 1, "batch_size": 2}}
    teacher = small | {"folds": 20}
    few = folder | {"validation": 560}  # 20 images of each class, 10 objects
    with pytest.raises(ErdeError, match=r"^teacher\.folds must be at most 10, the number of indep"):
        check_counts(experiment(dataset=few, teacher=teacher, student=small))
    teacher = {"train": {"epochs": 1, "batch_size": 101}, "folds": 2}
    odd = folder | {"validation": 396}  # 102 images of each class, 51 objects: 26 in one fold
    with pytest.raises(ErdeError, match=r"^teacher\.train\.batch_size must be at most the 100 tr"):
        check_counts(experiment(dataset=odd, teacher=teacher, student=small))


def photographs(path):
    """Two classes of 300 to train with; of the first only the head can be read."""
    image = path.parent / "one.jpg"
    Image.effect_noise((60, 60), 60).convert("RGB").save(image)
    whole = image.read_bytes()
    for part, count in (("train", 300), ("test", 2)):
        for name in ("cat", "dog"):
            (path / part / name).mkdir(parents=True)
            for n in range(count):
                (path / part / name / f"{n}.jpg").write_bytes(whole)
    (path / "train/cat/0.jpg").write_bytes(whole[:-200])


def test_memory_is_compared_before_any_pixel_is_decoded(tmp_path):
    photographs(tmp_path / "images")
    keys = {"name": "folder", "path": str(tmp_path / "images"), "resize": "crop", "validation": 9}
    wanted = r"^teacher: batch_size 128 of resnet34 × width 1 at 8192 × 8192 pixels must fit into"
    with pytest.raises(ErdeError, match=wanted):
        check(experiment(dataset=keys | {"image_size": 8192}), tmp_path, 64_000)
    with pytest.raises(ErdeError, match=r"train/cat/0\.jpg: must be a whole, readable image"):
        check(experiment(dataset=keys | {"image_size": 30}), tmp_path, 64_000)


def test_a_network_too_deep_is_named_before_memory_is_asked_about(tmp_path):
    dataset = {"name": "digits", "train_images": 200, "canvas": 16}
    small = {"train": {"epochs": 1, "batch_size": 50}}
    deep = small | {"network": {"name": "resnet10", "width": 0.1, "stem": "imagenet"}}
    with pytest.raises(
        ErdeError, match=r"^student\.network: images must leave at least 2×2 pixels"
    ):
        check(experiment(dataset=dataset, teacher=small, student=deep), tmp_path, 1)


def test_nothing_is_refused_on_a_cluster_or_when_it_is_made(tmp_path):
    exp = experiment(teacher=LARGE)
    check(exp, tmp_path, None)
    (tmp_path / "teacher").mkdir()
    (tmp_path / "teacher/weights.safetensors").touch()
    check(exp, tmp_path, 16_000)
