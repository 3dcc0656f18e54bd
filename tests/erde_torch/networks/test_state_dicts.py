"""Tensors have the names of the network itself, whatever it was wrapped in when it was saved."""

import pytest
import torch
from safetensors.torch import save_file

from erde_torch.networks.state_dicts import read_state_dict

PLAIN = {"conv1.weight": torch.ones(2, 3), "module_list.0.bias": torch.zeros(2)}


def saved(tensors, path):
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save({"state_dict": tensors}, path)
    return path


@pytest.mark.parametrize("kind", ["safetensors", "pth"])
@pytest.mark.parametrize(
    "before",
    ["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "module.module."],
)
def test_what_wraps_a_network_is_taken_off_its_names(before, kind, tmp_path):
    path = saved({f"{before}{name}": t for name, t in PLAIN.items()}, tmp_path / f"w.{kind}")
    found = read_state_dict("trained", path)
    assert set(found) == set(PLAIN)
    assert all(torch.equal(found[name], tensor) for name, tensor in PLAIN.items())


@pytest.mark.parametrize("kind", ["safetensors", "pth"])
def test_a_part_may_be_compiled_alone(kind, tmp_path):
    tensors = {
        "module.layer1._orig_mod.0.weight": torch.ones(1),
        "conv1.module.bias": torch.ones(1),
    }
    found = read_state_dict("trained", saved(tensors, tmp_path / f"w.{kind}"))
    assert set(found) == {"layer1.0.weight", "conv1.module.bias"}


@pytest.mark.parametrize("kind", ["safetensors", "pth"])
def test_of_two_tensors_that_come_to_one_name_none_is_taken(kind, tmp_path):
    path = saved({"module.w": torch.ones(1), "w": torch.zeros(1)}, tmp_path / f"w.{kind}")
    with pytest.raises(ValueError, match=r"^trained must have one tensor of each name, got two of"):
        read_state_dict("trained", path)


def test_the_wrappers_of_this_pytorch_are_known(tmp_path):
    """Names as PyTorch gives them, not as they are remembered."""
    network = torch.nn.Sequential(torch.nn.Linear(2, 2))
    wrapped = torch.nn.DataParallel(torch.compile(network))
    path = saved(wrapped.state_dict(), tmp_path / "w.safetensors")
    assert set(read_state_dict("weights", path)) == set(network.state_dict())
