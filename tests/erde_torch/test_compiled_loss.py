"""The loss as one graph: what ``train.compile`` hands to the compiler has no break in it."""

import pytest
import torch

import erde_core
from erde_core.settings import METHODS, LossSettings, method_settings
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


def test_a_schedule_of_kd_and_new_class_weights_compile_nothing_anew():
    torch.manual_seed(0)
    student, teacher = torch.randn(2, 16, 4, 10)
    labels, settings = torch.randint(10, (16,)), method_settings("dkd")
    torch._dynamo.reset()
    counter = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    whole = torch.compile(distillation_loss, fullgraph=True, backend=counter)
    for step in range(5):
        others = {"kd_factor": torch.tensor(step / 4), "class_weight": torch.rand(10)}
        found = whole(student, teacher, labels, settings, **others)
        expected = distillation_loss(student, teacher, labels, settings, **others)
        torch.testing.assert_close(found, expected)
    assert counter.frame_count == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_all_new_terms_together_in_half_precision(dtype):
    torch.manual_seed(0)
    student = torch.randn(16, 4, 10).to(dtype).requires_grad_()
    teacher, labels = torch.randn(16, 1, 10).to(dtype), torch.randint(10, (16,))
    settings = LossSettings(
        standardise=True,
        decoupled=(1.0, 8.0),
        self_weight=1.0,
        target_from="last",
        right_from="last",
    )
    torch._dynamo.reset()
    whole = torch.compile(distillation_loss, fullgraph=True, backend="aot_eager")
    loss = whole(student, teacher, labels, settings)
    loss.backward()
    arrays = [x.detach().double().numpy() for x in (student, teacher)]
    expected, slope = erde_core.erde_loss_and_gradient(*arrays, labels.numpy(), settings)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected.sum(1).mean(), rel=1e-5)
    spacing = torch.finfo(dtype).eps
    assert student.grad.double().numpy() == pytest.approx(slope / 16, rel=spacing, abs=1e-6)
