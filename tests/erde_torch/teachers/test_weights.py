"""A file of weights answers as the network that it was saved from, and another one is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from torch.nn import functional as F

from erde_torch.networks.macs import exit_macs
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.state_dicts import read_state_dict
from erde_torch.networks.weights import network_hash, read_network, write_network
from erde_torch.teachers.classes import order_of
from erde_torch.teachers.facts import Data
from erde_torch.teachers.file import read_teacher, write_teacher
from erde_torch.teachers.settings import WeightsTeacher
from erde_torch.teachers.weights import bring, look
from erde_torch.training.data import network_card
from tests.erde_torch.teachers.conftest import CLASSES, normalised, trained_norms

SEEN = {"mean": (0.1, 0.2, 0.3), "std": (0.5, 0.6, 0.7), "image_size": 48}


def given(network, path, **keys):
    return WeightsTeacher(network=NetworkSettings(**network), trained=str(path), **keys)


def asked(teacher, card, path):
    """The network out of the teacher's file."""
    write_teacher(path, bring(teacher, card)[0])
    return read_teacher(path)[0]


@pytest.fixture
def resnet18(tmp_path):
    """torchvision's, and its file as a training leaves it."""
    network = trained_norms(torchvision.models.resnet18(num_classes=5))
    state = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"model": state, "epoch": 3, "model_ema": None}, tmp_path / "resnet18.pth")
    return network


@pytest.mark.parametrize("name", ["resnet18", "timm/resnet18"])
def test_torchvisions_resnet_answers_in_both_as_it_does_itself(
    name, resnet18, card, pixels, tmp_path
):
    if name.startswith("timm/"):
        pytest.importorskip("timm")
    order = [2, 1, 0, 3, 4]
    (tmp_path / "classes.txt").write_text("\n".join(np.array(CLASSES)[order]), encoding="utf-8")
    classes = str(tmp_path / "classes.txt")
    teacher = given({"name": name}, tmp_path / "resnet18.pth", classes=classes, **SEEN)
    network = asked(teacher, card, tmp_path / "teacher.safetensors")
    wanted = F.interpolate(
        normalised(pixels, *map(SEEN.get, ("mean", "std"))),
        (48, 48),
        mode="bilinear",
        antialias=True,
    )
    with torch.no_grad():
        found = network(normalised(pixels, card.mean, card.std))
        expected = resnet18(wanted)[:, order]
    assert found.shape == (4, 1, 5)
    torch.testing.assert_close(found[:, 0], expected, rtol=1e-5, atol=1e-5)
    assert exit_macs(network, card.image_shape).tolist() == [layer_macs(resnet18, (3, 48, 48))]


def test_averaged_weights_go_before_raw_ones(tmp_path):
    """By the name that timm's CheckpointSaver gives them."""
    held = {name: {"w": torch.tensor(n)} for n, name in enumerate(("state_dict", "state_dict_ema"))}
    torch.save({"epoch": 1, **held}, tmp_path / "checkpoint.pth.tar")
    assert read_state_dict("trained", tmp_path / "checkpoint.pth.tar")["w"] == 1


def layer_macs(network, shape):
    """By hand: what each convolution and linear layer gives, times what each of it costs."""
    total = 0

    def count(module, _, output):
        nonlocal total
        total += output.numel() * module.weight[0].numel()

    kinds = (torch.nn.Conv2d, torch.nn.Linear)
    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, kinds)]
    with torch.no_grad():
        network(torch.zeros(1, *shape))
    for hook in hooks:
        hook.remove()
    return total


def test_resnet50_has_torchvisions_strides(card, pixels, tmp_path):
    network = trained_norms(torchvision.models.resnet50(num_classes=5))
    torch.save(network.state_dict(), tmp_path / "50.pt")
    found = asked(given({"name": "resnet50"}, tmp_path / "50.pt"), card, tmp_path / "t.safetensors")
    images = normalised(pixels, card.mean, card.std)
    with torch.no_grad():
        torch.testing.assert_close(found(images)[:, 0], network(images), rtol=1e-4, atol=1e-4)


def test_a_whole_timm_model_keeps_what_follows_its_last_feature_map(card, pixels, tmp_path):
    timm = pytest.importorskip("timm")
    network = trained_norms(timm.create_model("mobilenetv3_small_050", num_classes=5))
    torch.save(network.state_dict(), tmp_path / "m.pth")
    teacher = given({"name": "timm/mobilenetv3_small_050"}, tmp_path / "m.pth")
    found = asked(teacher, card, tmp_path / "t.safetensors")
    images = normalised(pixels, card.mean, card.std)
    with torch.no_grad():
        torch.testing.assert_close(found(images)[:, 0], network(images))


def test_a_finished_network_of_ours_is_itself(tiny_dataset, tiny_hash, make_network, tmp_path):
    network, settings = make_network(), NetworkSettings(name="resnet10", width=1 / 16)
    card = network_card(tiny_dataset, tiny_hash, settings, "float32")
    write_network(tmp_path / "ours.safetensors", network, card)
    described = {"name": "resnet10", "width": 1 / 16}
    teacher = given(described, tmp_path / "ours.safetensors")
    found = asked(teacher, card, tmp_path / "teacher.safetensors")
    assert network_hash(found) == network_hash(network)


def test_classes_of_ours_in_another_order_come_in_the_data_sets(
    tiny_dataset, tiny_hash, make_network, tmp_path
):
    network, settings = make_network(), NetworkSettings(name="resnet10", width=1 / 16)
    card = network_card(tiny_dataset, tiny_hash, settings, "float32")
    turned = network_card(tiny_dataset, tiny_hash, settings, "float32")
    object.__setattr__(turned, "class_names", card.class_names[::-1])
    write_network(tmp_path / "ours.safetensors", network, turned)
    teacher = given({"name": "resnet10", "width": 1 / 16}, tmp_path / "ours.safetensors")
    found = asked(teacher, card, tmp_path / "teacher.safetensors")
    images = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(found(images), network(images).flip(-1))
    assert read_network(tmp_path / "ours.safetensors")[1] == turned


OURS = [
    ("stem", {"name": "mobilenetv2", "width": 0.25, "stem": "imagenet", "exits": []}, (3, 32, 32)),
    ("head_pool", {"name": "resnet10", "width": 1 / 16, "head_pool": "adaptive2"}, (3, 20, 20)),
]


@pytest.mark.parametrize(("key", "own", "shape"), OURS)
def test_what_no_tensor_of_ours_shows_is_held_to_the_card(key, own, shape, card, tmp_path):
    """The stride of a stem, or how an odd side is pooled: other answers of the same tensors."""
    own = {"exits": [2]} | own
    path, card = tmp_path / "ours.safetensors", replace(card, image_shape=shape, network=own)
    write_network(path, trained_norms(card.build()), card)
    other = {name: value for name, value in own.items() if name != key}
    rule = rf"^network.{key} must be '{own[key]}', as the card of \S+ says, got '\w+' \(auto at"
    with pytest.raises(ValueError, match=rule):
        bring(given(other, path), card)
    same = {"exits": [2, 3], "head_dropout": 0.1} if key == "head_pool" else {}
    images = torch.randn(2, *shape)
    with torch.no_grad():
        found = asked(given(own | same, path), card, tmp_path / "t.safetensors")(images)
        assert torch.equal(found, read_network(path)[0](images))


class Unsafe:
    def __reduce__(self):
        return (print, ("run",))


def spoilt(kind, tmp_path):
    path = tmp_path / "resnet18.pth"
    if kind == "object":
        torch.save({"state_dict": Unsafe()}, path)
    if kind == "text":
        path.write_text("weights", encoding="utf-8")
    if kind == "list":
        torch.save([torch.zeros(1)], path)
    if kind == "none":
        path.unlink()
    return path


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("object", "^trained must be a file of tensors alone, got .*only running code"),
        ("text", "^trained must be a file of tensors alone, got"),
        ("list", "^trained must be a mapping of names to tensors"),
        ("none", "^trained must be a file, got"),
    ],
)
def test_what_is_no_file_of_tensors_is_one_sentence(kind, rule, resnet18, card, tmp_path):
    path = spoilt(kind, tmp_path)
    with pytest.raises(ValueError, match=rule) as caught:
        bring(given({"name": "resnet18"}, path), card)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("network", "keys", "rule"),
    [
        (
            {"name": "resnet34"},
            {},
            r"got in \S+: layer1.2.conv1.weight none for \(64, 64, 3, 3\), layer1.2.bn1.weight "
            r"none for \(64,\), layer1.2.bn1.bias none for \(64,\) \(and \d+ more\)$",
        ),
        ({"name": "resnet18", "width": 0.5}, {}, r": conv1.weight \(64, 3, 7, 7\) for \(32, 3, 7"),
        ({"name": "wrn16_1"}, {}, "must hold the weights of wrn16_1"),
        ({"name": "resnet18", "stem": "small"}, {}, r"conv1.weight \(64, 3, 7, 7\) for \(64, 3, 3"),
    ],
)
def test_another_architecture_is_told_by_its_first_three_tensors(
    network, keys, rule, resnet18, card, tmp_path
):
    with pytest.raises(ValueError, match=rule):
        bring(given(network, tmp_path / "resnet18.pth", **keys), card)


@pytest.mark.parametrize(
    ("name", "model"), [("mobilenetv2", "mobilenet_v2"), ("shufflenetv2", "shufflenet_v2_x1_0")]
)
def test_names_of_torchvision_that_are_not_translated_are_told_what_to_do(
    name, model, card, tmp_path
):
    with torch.device("meta"):  # names and shapes alone
        state = getattr(torchvision.models, model)(num_classes=5).state_dict()
    torch.save({"state_dict": state}, tmp_path / "theirs.pth")
    with pytest.raises(ValueError, match=r"torchvision's names of \w+V2 .* export") as caught:
        bring(given({"name": name}, tmp_path / "theirs.pth"), card)
    first = next(iter(state))
    assert f"trained must name its tensors as {name} here does" in str(caught.value)
    assert first in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_number_of_classes_is_said_as_such(resnet18, card, tmp_path):
    rule = "^trained must have 4 classes like the data set, got 5 in"
    teacher = given({"name": "resnet18"}, tmp_path / "resnet18.pth")
    with pytest.raises(ValueError, match=rule):
        bring(teacher, replace(card, class_names=CLASSES[:4]))
    with pytest.raises(ValueError, match=rule):
        look(teacher, Data(image_shape=(3, 32, 32), classes=4))


@pytest.mark.parametrize(
    ("names", "rule"),
    [
        ("ant bee cat dog", "^classes .* must name the 5 classes .*got 4 names: missing 'eel'"),
        ("ant bee cat dog fox", "unknown 'fox', missing 'eel'"),
        ("ant bee cat dog dog", "must name each class once, got 'dog' twice"),
    ],
)
def test_names_that_are_not_the_data_sets_are_named(names, rule, resnet18, card, tmp_path):
    path = tmp_path / "classes.txt"
    path.write_text(names.replace(" ", "\n"), encoding="utf-8")
    teacher = given({"name": "resnet18"}, tmp_path / "resnet18.pth", classes=str(path))
    with pytest.raises(ValueError, match=rule):
        bring(teacher, card)


def test_a_mark_at_the_beginning_is_no_part_of_a_name(tmp_path):
    """Editors on Windows write one."""
    path = tmp_path / "classes.txt"
    path.write_text("bee\nant\n", encoding="utf-8-sig")
    assert order_of(str(path), None, ("ant", "bee")) == (1, 0)


@pytest.mark.parametrize("numbers", [1, 2, 4])
def test_one_mean_is_not_spread_over_the_channels(numbers, resnet18, card, tmp_path):
    seen = {"mean": (0.5,) * numbers, "std": (0.2,) * numbers}
    teacher = given({"name": "resnet18"}, tmp_path / "resnet18.pth", **seen)
    rule = rf"^mean and std must have a number for each of the 3 channels .*, got {numbers} \(\[0.5"
    with pytest.raises(ValueError, match=rule):
        look(teacher, Data(image_shape=(3, 32, 32), classes=5))
    with pytest.raises(ValueError, match=rule):
        bring(teacher, card)


def test_settings_that_contradict_each_other_are_refused():
    network = {"name": "resnet18"}
    with pytest.raises(ValueError, match=r"^mean and std must be given together"):
        given(network, "x.pth", mean=(0.1, 0.2, 0.3))
    with pytest.raises(ValueError, match=r"^image_size must be pixels >= 1 or"):
        given(network, "x.pth", image_size=[8])
    with pytest.raises(ValueError, match=r"^network.weights must be left out beside trained"):
        given(network | {"weights": "y.pth"}, "x.pth")
