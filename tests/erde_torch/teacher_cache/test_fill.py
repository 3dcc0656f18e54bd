import h5py
import numpy as np
import pytest
import torch

from erde_core.folds import fold_of_samples
from erde_core.images import SPLITS
from erde_core.store.teacher_logits import read_teacher_logits
from erde_core.views import all_views, chosen_views
from erde_torch.device import choose_precision
from erde_torch.teacher_cache.fill import build_cache, expected_identity, views_text
from erde_torch.training.settings import AugmentSettings


@pytest.fixture
def build(tiny_dataset, tiny_hash, augment, environment, tmp_path):
    """``build(teachers, name=…, …)``: the opened cache."""

    def make(teachers, name="cache.h5", views=None, precision="float32", files=(), **env):
        path = tmp_path / name
        asked = tiny_dataset, tiny_hash, teachers, augment, views, precision
        build_cache(path, *asked, environment(folder=f"making {name}", **env), files)
        return read_teacher_logits(path)

    return make


def shown(dataset, view):
    """The train images under a view: plain NumPy, padded by 1, normalised."""
    dy, dx, flip = view
    height, width = dataset.train.images.shape[1:3]
    padded = np.pad(dataset.train.images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    images = padded[:, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
    images = images[:, :, ::-1] if flip else images
    normalised = (images / 255 - np.array(dataset.mean)) / np.array(dataset.std)
    return torch.from_numpy(normalised.astype(np.float32)).permute(0, 3, 1, 2)


def answers(network, images):
    with torch.no_grad():
        return network(images).numpy()


def assert_close(found, wanted):
    """Up to the rounding of float16 and of sums in another order."""
    np.testing.assert_allclose(found.astype(np.float32), wanted, rtol=2e-3, atol=2e-3)


def fail_in_view(network, number):
    """A copy of a teacher that dies when it is asked for that view (each is one batch here)."""
    calls = []

    def hook(module, arguments):
        calls.append(1)
        if len(calls) == number:
            raise KeyboardInterrupt

    return network.register_forward_pre_hook(hook)


def test_cache_holds_the_answer_to_every_view(build, make_network, tiny_dataset):
    network = make_network()
    cache = build([network])
    np.testing.assert_array_equal(cache.views, all_views(1, True))
    assert cache.logits.shape == (18, 120, 4, 10)
    wrong = np.zeros(4)
    for view, logits in zip(cache.views.tolist(), cache.logits, strict=True):
        wanted = answers(network, shown(tiny_dataset, view))
        assert_close(logits, wanted)
        wrong += (logits.argmax(2) != tiny_dataset.train.labels[:, None]).sum(0)
    np.testing.assert_allclose(cache.wrong_on_train, wrong / (18 * 120), rtol=1e-12)


def test_views_differ(build, make_network):
    """Else the test above would not notice a cache that ignores the view."""
    logits = build([make_network()]).logits.astype(np.float32)
    assert np.abs(logits[1:] - logits[:1]).max(axis=(1, 2, 3)).min() > 0.05


def test_share_of_wrong_answers_on_validation(build, make_network, tiny_dataset):
    network, val = make_network(), tiny_dataset.val
    plain = (val.images / 255 - np.array(tiny_dataset.mean)) / np.array(tiny_dataset.std)
    logits = answers(network, torch.from_numpy(plain.astype(np.float32)).permute(0, 3, 1, 2))
    wrong = (logits.argmax(2) != val.labels[:, None]).mean(0)
    np.testing.assert_allclose(build([network]).wrong_on_val, wrong, rtol=1e-6)


def test_shares_are_told(build, make_network, said):
    cache = build([make_network()])
    for name, wrong in (("train views", cache.wrong_on_train), ("validation", cache.wrong_on_val)):
        shares = " ".join(f"{100 * share:.2f}" for share in wrong)
        assert f"share of wrong teacher answers per exit on {name}: {shares} %" in said


def test_interrupted_and_resumed_is_the_same_content(build, make_network, said):
    quiet = build([make_network()], "quiet.h5")
    for number in (1, 5, 9):
        network = make_network()
        fail_in_view(network, number)
        with pytest.raises(KeyboardInterrupt):
            build([network])
    resumed = build([make_network()])
    assert "resuming with 6 of 18 views to go" in said  # 0, 4 and 8 were done
    assert resumed.sha256 == quiet.sha256
    np.testing.assert_array_equal(resumed.logits, quiet.logits)


def test_views_of_other_code_are_not_kept(build, make_network, said):
    network = make_network()
    hook = fail_in_view(network, 5)
    with pytest.raises(KeyboardInterrupt):
        build([network], code="old")
    hook.remove()
    build([network], code="new")
    assert not [line for line in said if "resuming" in line]
    assert any("of other settings (maker.code: old → new): it waits as" in line for line in said)


def test_views_of_other_files_are_not_kept_though_all_weights_are_the_same(
    build, make_network, said
):
    """Strides, pooling and normalisation show in no weight."""
    network = make_network()
    hook = fail_in_view(network, 5)
    with pytest.raises(KeyboardInterrupt):
        build([network], files=["stem small"])
    hook.remove()
    build([network], files=["stem imagenet"])
    assert not [line for line in said if "resuming" in line]


def test_views_go_on_when_the_old_code_returns(build, make_network, said):
    for code, number in (("old", 5), ("new", 3)):
        network = make_network()
        fail_in_view(network, number)
        with pytest.raises(KeyboardInterrupt):
            build([network], code=code)
    build([make_network()], code="old")
    assert "resuming with 14 of 18 views to go" in said


def test_a_damaged_cache_is_made_anew_and_said(build, make_network, said, tmp_path):
    first = build([make_network()])
    with h5py.File(tmp_path / "cache.h5", "r+") as file:
        file["logits"][3, 7] *= -1
    said.clear()
    assert build([make_network()]).sha256 == first.sha256
    assert said[0].startswith("the cache that is there cannot be used and is made anew: ")


def test_finished_cache_is_not_made_again(build, make_network, said):
    first = build([make_network()])
    said.clear()
    network = make_network()
    fail_in_view(network, 1)
    assert build([network]).sha256 == first.sha256
    assert said[0].endswith("cache.h5 is already there")


def test_cache_of_another_teacher_is_replaced(build, make_network, tiny_dataset, said):
    build([make_network(0)])
    other = make_network(1)
    said.clear()
    cache = build([other])
    assert said[0].startswith("the cache that is there is of other settings (teacher: ")
    assert_close(cache.logits[0], answers(other, shown(tiny_dataset, (0, 0, 0))))


def test_each_sample_is_answered_by_the_teacher_that_has_not_seen_it(
    build, make_network, tiny_dataset
):
    teachers, train = [make_network(seed) for seed in range(3)], tiny_dataset.train
    cache = build(teachers)
    folds = fold_of_samples(train.labels, train.group, 3)
    assert set(folds) == {0, 1, 2}
    images = shown(tiny_dataset, cache.views[7].tolist())
    every = np.stack([answers(teacher, images) for teacher in teachers])
    assert_close(cache.logits[7], every[folds, np.arange(120)])
    assert cache.identity.folds == "3"
    alone = [build([teacher], f"{k}.h5").wrong_on_val for k, teacher in enumerate(teachers)]
    np.testing.assert_allclose(cache.wrong_on_val, np.mean(alone, axis=0), rtol=1e-12)


def test_a_subset_of_views(build, make_network, tiny_dataset):
    network = make_network()
    cache = build([network], views=3)
    np.testing.assert_array_equal(cache.views, chosen_views(1, True, 3))
    for view, logits in zip(cache.views.tolist(), cache.logits, strict=True):
        assert_close(logits, answers(network, shown(tiny_dataset, view)))


def test_teacher_answers_in_eval_mode(build, make_network):
    network = make_network()
    assert build([network.train()], "a.h5").sha256 == build([make_network()], "b.h5").sha256


def test_precision_is_part_of_the_identity(build, make_network):
    if choose_precision("auto", torch.device("cpu")) != "bf16":
        pytest.skip("this processor has no bf16 instructions")
    exact, coarse = (
        build([make_network()], "a.h5"),
        build([make_network()], "b.h5", precision="bf16"),
    )
    assert (exact.identity.precision, coarse.identity.precision) == ("float32", "bf16")
    assert exact.sha256 != coarse.sha256


def test_logits_beyond_float16_are_refused(build, make_network, tmp_path):
    network = make_network()
    with torch.no_grad():
        network.heads[2][-1].bias[3] = 70_000.0
    with pytest.raises(ValueError, match=r"^teacher logits must be finite and below 65504 .*70000"):
        build([network])
    assert not (tmp_path / "cache.h5").exists()


def test_answers_far_from_0_are_those_of_the_teacher(build, make_network, tiny_dataset):
    """A bias that all classes have in common is no part of an answer."""
    network, far = make_network(), make_network()
    with torch.no_grad():
        far.heads[1][-1].bias -= 20_000
    near, found = build([network], "near.h5"), build([far], "far.h5")
    logits = found.logits.astype(np.float32)
    wanted = near.logits[:, :, 1].astype(np.float32)
    wanted -= np.sort(wanted)[..., -2:-1]
    np.testing.assert_allclose(logits[:, :, 1], wanted, atol=0.02)  # float32 has steps of 1/512
    wrong = (logits.argmax(3) != tiny_dataset.train.labels[:, None]).mean((0, 1))
    np.testing.assert_allclose(found.wrong_on_train, wrong)
    np.testing.assert_array_equal(found.logits[:, :, [0, 2, 3]], near.logits[:, :, [0, 2, 3]])


CHANGES = {
    "dataset": lambda d, h, a: (d, "other", a),
    "normalisation": lambda d, h, a: (with_mean(d), h, a),
    "pad_mode": lambda d, h, a: (d, h, AugmentSettings(pad=1, flip=True, pad_mode="reflect")),
    "views": lambda d, h, a: (d, h, AugmentSettings(pad=2, flip=True)),
}


def with_mean(dataset):
    parts = {name: getattr(dataset, name) for name in (*SPLITS, "class_names", "std", "source")}
    return type(dataset)(mean=(0.1, 0.2, 0.3), **parts)


@pytest.mark.parametrize("field", CHANGES)
def test_identity_tells_what_a_reader_knows(tiny_dataset, tiny_hash, augment, field):
    same = tiny_dataset, tiny_hash, augment
    before, after = (expected_identity(*p, None) for p in (same, CHANGES[field](*same)))
    assert {name for name in before if before[name] != after[name]} == {field}


def test_views_in_words():
    assert views_text(AugmentSettings(), None) == "162 of 162 (pad 4, flip)"
    assert views_text(AugmentSettings(pad=2, flip=False), 7) == "7 of 25 (pad 2, no flip)"
    assert views_text(AugmentSettings(pad=2, flip=False), 25) == views_text(
        AugmentSettings(pad=2, flip=False), None
    )
