import pytest
import torch


def test_average_by_hand(make_state):
    """The first weights, then 0.9 of the average and 0.1 of the new weights."""
    state = make_state(ema_decay=0.9)
    weights, buffers = [], []
    for value in (1.0, 2.0, 4.0):
        with torch.no_grad():
            state.network.heads[3][-1].bias.fill_(value)
            state.network.stem[1].running_mean.fill_(10 * value)
        state.average()
        weights.append(state.averaged.heads[3][-1].bias[0].item())
        buffers.append(state.averaged.stem[1].running_mean[0].item())
    assert weights == pytest.approx([1.0, 1.1, 0.9 * 1.1 + 0.4])
    assert buffers == pytest.approx([10.0, 11.0, 9 * 1.1 + 4])


def test_without_an_average_the_network_is_used(make_state):
    state = make_state(ema_decay=0.0)
    assert state.averaged is state.network
    assert not any(name.startswith("ema.") for name in state.tensors())
