"""Pooling to four pixels: on a GPU in a form whose gradient is not added up by chance."""

import pytest
import torch

from erde_torch.networks.heads import Quarters, quarter_means


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
