"""The loss as one graph: what ``train.compile`` hands to the compiler has no break in it."""

import pytest
import torch

from erde_core.settings import METHODS, method_settings
from erde_torch.loss import distillation_loss


@pytest.mark.parametrize("method", METHODS)
def test_the_loss_is_one_graph_with_the_same_gradient(method):
    torch.manual_seed(0)
    student = torch.randn(16, 4, 10, requires_grad=True)
    teacher, labels = torch.randn(16, 4, 10).half(), torch.randint(10, (16,))
    settings = method_settings(method)
    torch._dynamo.reset()
    # aot_eager traces forward and backward like the real compiler, without generating code.
    whole = torch.compile(distillation_loss, fullgraph=True, backend="aot_eager")
    found = []
    for total in (whole, distillation_loss):
        student.grad = None
        loss = total(student, teacher, labels, settings)
        loss.backward()
        found.append((loss.detach(), student.grad))
    torch.testing.assert_close(found[0][0], found[1][0])
    torch.testing.assert_close(found[0][1], found[1][1])
    assert found[0][1].abs().max() > 0
