"""Pooling to four pixels, in a form whose gradient no GPU adds up by chance."""

import pytest
import torch

from erde_torch.networks.heads import _quarters


@pytest.mark.parametrize("size", [(2, 2), (3, 3), (4, 4), (7, 7), (5, 8), (12, 12), (14, 9)])
def test_quarters_are_those_of_adaptive_pooling_bit_for_bit(size):
    """Forward and backward, with channels last as in training."""
    rng = torch.Generator().manual_seed(0)
    maps = torch.randn(3, 16, *size, generator=rng).to(memory_format=torch.channels_last)
    maps.requires_grad_()
    upstream = torch.randn(3, 16, 2, 2, generator=rng)
    found, wanted = _quarters(size)(maps), torch.nn.AdaptiveAvgPool2d(2)(maps)
    assert torch.equal(found, wanted)
    ours, theirs = (torch.autograd.grad(pooled, maps, upstream)[0] for pooled in (found, wanted))
    assert torch.equal(ours, theirs)
