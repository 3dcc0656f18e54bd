"""A file of answers: of the right images, in the right order, and raw logits."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from erde_core.store.files import StoreError
from erde_core.store.teacher_logits import read_teacher_logits
from erde_torch.networks.weights import NetworkCard
from erde_torch.teachers.answers import REMARKS, bring, load, look
from erde_torch.teachers.answers_cache import answers_exit_logits, cache_answers, verify_answers
from erde_torch.teachers.facts import Data
from erde_torch.teachers.settings import LogitsTeacher

NAMES = tuple(f"train/{name}/{n}.png" for name in ("ant", "bee") for n in (1, 2, 3))
DATA = Data(
    image_shape=(3, 16, 16),
    classes=2,
    class_names=("ant", "bee"),
    train=6,
    test=2,
    train_names=NAMES,
    test_names=("test/ant/7.png", "test/bee/8.png"),
)


@pytest.mark.parametrize("shape", [(6, 2), (6, 3, 2)])
def test_one_exit_or_several(shape, files):
    facts = look(files(shape, (2, *shape[1:])), DATA)
    assert (facts.exits, facts.counted) == (1 if len(shape) == 2 else 3, False)
    assert "one view of each image" in facts.remarks[0]


def probabilities(array):
    return np.exp(array) / np.exp(array).sum(-1, keepdims=True)


def other_order():
    return [NAMES[1], NAMES[0], *NAMES[2:]]


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        ({"rows": (5, 2)}, r"^logits must have a row for each of the 6 images, got 5 in \S+npy$"),
        ({"test": (3, 2)}, r"^test_logits must have a row for each of the 2 images, got 3 in"),
        ({"rows": (6, 3)}, r"^logits must have 2 classes like the data set, got 3 in"),
        ({"test": (2, 3, 2)}, r"^test_logits must have the 1 exits of logits, got 3$"),
        (
            {"rows": (6,)},
            r"^logits must be floating-point numbers \(N, C\) or \(N, exits, C\), got",
        ),
        ({"change": probabilities}, r"^logits must give raw logits, got 100 % of the rows in 0 "),
        ({"output": "probabilities"}, r"^logits must give probabilities, as output: prob"),
        ({"change": lambda a: a * np.nan}, r"^logits must give finite numbers, got nan$"),
        ({"change": lambda a: (a > 0).astype(int)}, r"^logits must be floating-point numbers"),
        (
            {"names": other_order()},
            r"^logits must have the images class by class, sorted by name, got 'train/ant/2.png' "
            r"in row 0, where train/ant/1.png belongs$",
        ),
        ({"test_names": ["8.png", "7.png"]}, r"^test_logits must have the images class by"),
        ({"names": NAMES[:5]}, r"^logits: names must have 6 lines, got 5 in"),
        ({"classes": ["ant", "cat"]}, r"unknown 'cat', missing 'bee'$"),
    ],
)
def test_other_answers_are_refused_in_one_sentence(keys, rule, files):
    with pytest.raises(ValueError, match=rule) as caught:
        look(files(**keys), DATA)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("first", ["", "\ufeff"])
def test_names_as_windows_writes_them(files, first):
    """With a mark at the beginning, and paths with backslashes."""
    names = [name.replace("/", "\\") for name in NAMES]
    assert look(files(names=[first + names[0], *names[1:]]), DATA).exits == 1
    with pytest.raises(ValueError, match=r"sorted by name, got .* in row 0"):
        look(files(names=[first + names[1], names[0], *names[2:]]), DATA)


def test_names_may_leave_out_the_folders_before_them(files):
    names = [name.removeprefix("train/") for name in NAMES]
    assert look(files(names=names, test_names=["7.png", "8.png"]), DATA).exits == 1


@pytest.mark.parametrize(
    ("names", "rule"),
    [
        (
            [f"{n}.png" for n in (1, 2, 3)] * 2,
            r"names must tell all images apart, .* got '1.png' in ",
        ),
        (["*"] * 6, r"sorted by name, got '\*' in row 0"),
        ([""] * 6, r"sorted by name, got '' in row 0"),
        (["ng"] + [f"{n}.png" for n in range(5)], r"sorted by name, got 'ng' in row 0"),
    ],
)
def test_names_that_fit_other_images_too_are_refused(names, rule, files):
    with pytest.raises(ValueError, match=rule):
        look(files(names=names), DATA)


def test_an_array_of_objects_is_not_unpickled(files, tmp_path):
    teacher = files()
    np.save(tmp_path / "rows.npy", np.array([print, None]), allow_pickle=True)
    with pytest.raises(ValueError, match=r"^logits must be an array in a .npy file, got"):
        look(teacher, DATA)


def test_each_image_has_its_own_row_in_our_order_of_classes(files):
    card = NetworkCard({}, (3, 16, 16), ("ant", "bee"), (0.5,) * 3, (0.2,) * 3, "d" * 64, "float32")
    teacher = files(change=probabilities, output="probabilities", classes=["bee", "ant"])
    train, val = np.array([0, 3, 4]), np.array([5, 1])
    found = load(bring(teacher, card, DATA, train, val)[0], 1)
    rows = np.log(np.load(teacher.logits))[:, None, ::-1]
    np.testing.assert_allclose(found.train_rows, rows[train], rtol=1e-6)
    np.testing.assert_allclose(found.val_rows, rows[val], rtol=1e-6)


def test_sums_that_miss_1_are_said_of_all_rows_when_it_is_read(files):
    """The plan looks at some rows only."""
    card = NetworkCard({}, (3, 16, 16), ("ant", "bee"), (0.5,) * 3, (0.2,) * 3, "d" * 64, "float32")
    teacher = files(change=probabilities, output="probabilities")
    assert look(teacher, DATA).remarks == REMARKS
    rows = np.load(teacher.logits)
    rows[4] *= 1.003
    np.save(teacher.logits, rows)
    assert "farthest from 1" in look(teacher, DATA).remarks[-1]
    file, facts = bring(teacher, card, DATA, np.array([0, 1, 2]), np.array([3, 4, 5]))
    assert "which is 1.0030 where it is farthest from 1" in facts.remarks[-1]
    shares = torch.softmax(load(file, 1).val_rows, -1)[1, 0]
    np.testing.assert_allclose(shares, rows[4] / rows[4].sum(), rtol=1e-6)
    rows[4] *= 1.1
    np.save(teacher.logits, rows)
    with pytest.raises(ValueError, match=r"^logits must give probabilities, .* with sums of 1 … 1"):
        look(teacher, DATA)


@pytest.fixture
def stored(tiny_dataset, tiny_hash, tmp_path):
    """``stored(make, dtype)``: answers, of ``make(labels)``, as they are read from a file."""
    dataset = tiny_dataset

    def read(make, dtype=np.float32):
        labels = [getattr(dataset, split).labels for split in ("train", "val", "test")]
        train = np.concatenate(labels[:2])
        for name, of in (("rows", train), ("test", labels[2])):
            np.save(tmp_path / f"{name}.npy", make(of).astype(dtype))
        teacher = LogitsTeacher(
            logits=str(tmp_path / "rows.npy"), test_logits=str(tmp_path / "test.npy")
        )
        names = dataset.class_names
        card = NetworkCard({}, (3, 16, 16), names, dataset.mean, dataset.std, tiny_hash, "float32")
        data = Data(image_shape=(3, 16, 16), classes=10, train=len(train), test=len(labels[2]))
        places = np.split(np.arange(len(train)), [len(labels[0])])
        return load(bring(teacher, card, data, *places)[0], 1)

    return read


def noise(labels):
    return np.random.default_rng(len(labels)).normal(size=(len(labels), 2, 10))


def right(labels):
    """The first exit always, around 0."""
    rows = noise(labels)
    rows[np.arange(len(labels)), 0, labels] += 8
    return rows


def test_the_cache_holds_the_rows_and_notices_others(
    stored, tiny_dataset, tiny_hash, environment, augment, tmp_path
):
    dataset, answers = tiny_dataset, stored(noise)
    train, val = np.split(np.load(tmp_path / "rows.npy"), [len(dataset.train)])
    asked = dataset, tiny_hash, answers, augment
    path = tmp_path / "teacher_logits.h5"
    cache_answers(path, *asked, environment())
    cache = read_teacher_logits(path)
    np.testing.assert_array_equal(cache.logits, train[None].astype(np.float16))
    wrong = (val.argmax(2) != dataset.val.labels[:, None]).mean(0)
    np.testing.assert_allclose(cache.wrong_on_val, wrong)
    assert verify_answers(cache, *asked)["rows"] == len(train)
    exits = answers_exit_logits(answers, dataset, tiny_hash)
    np.testing.assert_array_equal(exits.test.logits, np.load(tmp_path / "test.npy"))
    assert exits.macs.tolist() == [0, 0]
    answers.train_rows[3, 1, 2] += 1
    with pytest.raises(StoreError, match="made with another teacher"):
        verify_answers(cache, *asked)


@pytest.mark.parametrize(
    ("offset", "dtype"), [(-20_000, np.float32), (-3e5, np.float32), (-1e9, np.float64)]
)
def test_log_likelihoods_far_from_0_stay_answers(
    offset, dtype, stored, tiny_dataset, tiny_hash, environment, augment, tmp_path
):
    """What students read is right, and the log counts just that."""
    answers = stored(lambda labels: right(labels) + offset, dtype)
    path, asked = tmp_path / "cache.h5", (tiny_dataset, tiny_hash, answers, augment)
    cache_answers(path, *asked, environment())
    cache = read_teacher_logits(path)
    wanted = right(np.concatenate([tiny_dataset.train.labels, tiny_dataset.val.labels]))
    wanted = wanted[: len(tiny_dataset.train)]
    wanted = wanted - np.sort(wanted)[..., -2:-1]
    step = np.spacing(dtype(abs(offset)))
    np.testing.assert_allclose(cache.logits[0], wanted, rtol=2**-11, atol=2 * step)
    assert cache.wrong_on_train[0] == cache.wrong_on_val[0] == 0
    assert verify_answers(cache, *asked)["largest"] < 0.1
    exits = answers_exit_logits(answers, tiny_dataset, tiny_hash)
    assert (exits.test.logits[:, 0].argmax(1) == tiny_dataset.test.labels).all()


CHANGES = {
    "steps of 16": lambda rows: (rows - np.float16(20_000)) + np.float16(20_000),
    "one logit": lambda rows: np.where(np.indices(rows.shape).sum(0) == 3, rows + 1, rows),
    "not a number": lambda rows: np.where(np.indices(rows.shape).sum(0) == 3, np.nan, rows),
}


@pytest.mark.parametrize("offset", [0, -20_000])
@pytest.mark.parametrize("case", CHANGES)
def test_answers_that_were_lost_in_the_cache_are_found(
    case, offset, stored, tiny_dataset, tiny_hash, environment, augment, tmp_path
):
    answers = stored(lambda labels: right(labels) + offset)
    path, asked = tmp_path / "cache.h5", (tiny_dataset, tiny_hash, answers, augment)
    cache_answers(path, *asked, environment())
    cache = read_teacher_logits(path)
    lost = CHANGES[case](np.array(cache.logits[0])).astype(np.float16)[None]
    rule = r"^cached logits must be the file's, got \d+ of 120 rows in which distances differ by "
    with pytest.raises(StoreError, match=rule):
        verify_answers(replace(cache, logits=lost), *asked)
