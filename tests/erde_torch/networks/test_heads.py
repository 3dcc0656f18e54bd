"""Pooling to four pixels: on a GPU in a form whose gradient is not added up by chance."""

import pytest
import torch

from erde_torch.networks.heads import Halves, Quarters, quarter_means


@pytest.mark.parametrize("size", [(2, 2), (3, 3), (4, 4), (7, 7), (5, 8), (12, 12), (14, 9)])
def test_quarters_on_a_gpu_are_those_on_the_cpu(size):
    """Forward and backward, with channels last as in training."""
    rng = torch.Generator().manual_seed(0)
    maps = torch.randn(3, 16, *size, generator=rng).to(memory_format=torch.channels_last)
    maps.requires_grad_()
    upstream = torch.randn(3, 16, 2, 2, generator=rng)
    found, wanted = quarter_means(maps), Quarters()(maps)
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)
    ours, theirs = (torch.autograd.grad(pooled, maps, upstream)[0] for pooled in (found, wanted))
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)


def test_on_the_cpu_they_keep_their_bits():
    maps = torch.randn(2, 3, 12, 9, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Quarters()(maps), torch.nn.AdaptiveAvgPool2d(2)(maps))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("order", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("sides", [(8, 8), (6, 10), (7, 5)])
def test_halves_have_the_gradient_of_pooling_bit_for_bit_in_the_order_of_the_maps(
    sides, order, dtype
):
    maps = torch.randn(4, 3, *sides).to(dtype).contiguous(memory_format=order).requires_grad_()
    found = Halves()(maps)
    wanted = torch.nn.functional.avg_pool2d(maps, 2)
    assert torch.equal(found, wanted)
    weights = torch.randn(found.flatten(1).shape).to(dtype)
    gradients = [
        torch.autograd.grad((m.flatten(1) * weights).sum(), maps)[0] for m in (found, wanted)
    ]
    assert torch.equal(*gradients)
    assert gradients[0].is_contiguous(memory_format=order)


def test_halves_of_an_evaluated_network_are_plain_pooling():
    maps = torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
    assert not Halves().eval()(maps)._backward_hooks
    assert Halves()(maps)._backward_hooks
