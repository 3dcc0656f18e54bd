"""Static rivals: what they cost, what they are, and what they learn from."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from erde_core.settings import method_settings
from erde_torch.networks.build import build_network
from erde_torch.networks.macs import exit_macs, plain_macs
from erde_torch.networks.rivals.names import rival_exit, rival_names
from erde_torch.networks.rivals.network import rival_loss, rival_network
from erde_torch.networks.settings import NetworkSettings
from erde_torch.training.teacher_answers import LastExit

NETWORK = NetworkSettings(name="resnet10", width=0.125)
SHAPE = (3, 16, 16)


def built(width):
    return build_network(replace(NETWORK, width=width), 10, SHAPE)


@pytest.mark.parametrize("e", range(4))
def test_plain_macs_are_those_of_the_network_cut_out(e):
    whole = built(0.125).eval()
    alone = nn.Sequential(whole.stem, *whole.stages[: e + 1], whole.heads[e])
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        alone(torch.zeros(1, *SHAPE))
    assert plain_macs(whole, SHAPE, e) == counter.get_total_flops() // 2


@pytest.mark.parametrize("e", range(3))
def test_a_narrow_rival_is_the_widest_that_costs_no_more(e):
    budget = exit_macs(built(0.125), SHAPE)[e]
    rival = rival_network(f"narrow{e}", NETWORK, 10, SHAPE)
    assert (rival.exit_count, rival.ends_at) == (4, 3)
    width = rival.network.width
    assert width < 0.125
    assert (
        plain_macs(built(width), SHAPE, 3) <= budget < plain_macs(built(width + 1 / 512), SHAPE, 3)
    )


def test_a_truncated_rival_is_the_student_cut_off():
    assert rival_network("truncated1", NETWORK, 10, SHAPE) == (NETWORK, 4, 1)


def test_there_are_as_many_as_the_student_has_exits():
    few = replace(NETWORK, exits=(0, "2.0"))
    assert rival_names(3) == ["truncated0", "truncated1", "truncated2", "narrow0", "narrow1"]
    assert rival_names(1) == ["truncated0"]
    assert rival_names(2, narrower=False) == ["truncated0", "truncated1"]
    assert rival_network("truncated2", few, 10, SHAPE) == (few, 3, 2)
    with pytest.raises(ValueError, match="must be of one of 3 exits, got 'narrow2'"):
        rival_network("narrow2", few, 10, SHAPE)
    with pytest.raises(ValueError, match="truncated<exit> or narrow<exit>, got 'wide0'"):
        rival_exit("wide0")


def test_where_none_is_cheap_enough_nobody_pretends():
    thin = replace(NETWORK, width=1 / 512)
    with pytest.raises(ValueError, match=r"rival narrow0 must cost at most \d+ MACs, none is"):
        rival_network("narrow0", thin, 10, SHAPE)


def test_only_one_exit_learns_and_only_the_teachers_last_is_heard():
    kd = method_settings("kd", temperature=2.0, kd_weight=0.5, exit_weights=(1.0, 2.0, 3.0, 4.0))
    several = {"kd_exits": "late", "entropy_exits": "early", "self_weight": 0.5}
    settings = rival_loss(replace(kd, **several), 4, 2)
    assert settings.exit_weights == (0, 0, 1, 0)
    assert replace(settings, exit_weights=kd.exit_weights) == kd
    logits = torch.randn(5, 4, 3)
    heard = LastExit(lambda samples, views: logits, 3)(np.arange(5), np.zeros(5, int))
    assert heard.shape == (5, 3, 3)
    assert all(torch.equal(heard[:, e], logits[:, -1]) for e in range(3))
