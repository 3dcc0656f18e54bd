"""The loss that students are trained with; its figures are compared in tests/test_twins.py."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import erde_core
from erde_core import LossSettings, fast, method_settings
from erde_torch.loss import distillation_loss, erde_loss
from tests.twins import logits_and_labels

ERDE = LossSettings()
NONE = {"ce_weight": 0.0, "kd_weight": 0.0, "entropy_weight": 0.0}


def arguments(device="cpu", samples=6, exits=3, classes=7):
    rng = np.random.default_rng(0)
    arrays = logits_and_labels(rng, samples, exits=exits, classes=classes)
    return tuple(torch.tensor(array, device=device) for array in arrays)


def gradient_of(student, teacher, labels, settings):
    student = student.clone().requires_grad_()
    distillation_loss(student, teacher, labels, settings).backward()
    return student.grad


@pytest.mark.parametrize("exit_weights", [None, (0.5, 0.0, 2.0)])
def test_total_is_the_mean_over_samples_of_the_weighted_sum_over_exits(exit_weights):
    student, teacher, labels = arguments()
    settings = LossSettings(exit_weights=exit_weights)
    loss, slope = erde_core.erde_loss_and_gradient(
        student.numpy(), teacher.numpy(), labels.numpy(), settings
    )
    weights = np.array(exit_weights or (1, 1, 1))
    found = distillation_loss(student, teacher, labels, settings)
    assert found.shape == ()
    assert found.item() == pytest.approx((loss * weights).sum(axis=1).mean(), rel=1e-6)
    gradient = gradient_of(student, teacher, labels, settings)
    assert gradient.numpy() == pytest.approx(slope * weights[:, None] / 6, abs=1e-6)


def test_an_upstream_gradient_scales_each_row():
    student, teacher, labels = arguments()
    upstream = torch.linspace(-2, 3, 18).reshape(6, 3)
    student.requires_grad_()
    erde_loss(student, teacher, labels, ERDE).backward(upstream)
    _, slope = erde_core.erde_loss_and_gradient(
        student.detach().numpy(), teacher.numpy(), labels.numpy(), ERDE
    )
    assert student.grad.numpy() == pytest.approx(slope * upstream[..., None].numpy(), abs=1e-5)


def test_gradient_in_float64_by_differences():
    student, teacher, labels = arguments(samples=2, exits=2, classes=4)
    student = student.double().requires_grad_()
    for settings in (
        ERDE,
        LossSettings(kd_mask="all", entropy_scale="log_c", temperature=0.5),
        method_settings("dkd"),
        method_settings("kd_ls"),
        LossSettings(decoupled=(0.7, 2.0), standardise=True, target_from="last"),
    ):
        assert torch.autograd.gradcheck(
            lambda s, chosen=settings: erde_loss(s, teacher.double(), labels, chosen), student
        )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_types_of_loss_and_gradient(dtype):
    student, teacher, labels = arguments()
    student = student.to(dtype).requires_grad_()
    teacher = teacher.half().requires_grad_()  # as cached; never differentiated
    with torch.autocast("cpu", torch.bfloat16):
        loss = erde_loss(student, teacher, labels, ERDE)
    loss.sum().backward()
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert student.grad.dtype == dtype
    assert teacher.grad is None


@pytest.mark.parametrize(
    "settings",
    [
        ERDE,
        method_settings("masked_kd"),
        LossSettings(**(NONE | {"kd_weight": 1.0})),
        LossSettings(**(NONE | {"entropy_weight": 1.0})),
        LossSettings(right_from="last"),
    ],
)
@pytest.mark.parametrize("row", [[0, np.nan], [0, np.inf], [-np.inf, -np.inf]])
def test_undefined_rows_spoil_loss_and_gradient_where_the_reference_does(settings, row):
    student, teacher, labels = arguments(classes=2)
    student[1, 0] = teacher[3, 2] = torch.tensor(row)
    student.requires_grad_()
    loss = erde_loss(student, teacher, labels, settings)
    loss.sum().backward()
    expected = erde_core.erde_loss_and_gradient(
        student.detach().numpy(), teacher.numpy(), labels.numpy(), settings
    )
    for found, reference in zip((loss.detach(), student.grad), expected, strict=True):
        assert np.array_equal(np.isnan(found.numpy()), np.isnan(reference))


@pytest.mark.parametrize("decoupled", [None, (1.0, 8.0)])
def test_no_backend_standardises_what_overflows(decoupled):
    student, teacher, labels = (values.numpy() for values in arguments())
    student, teacher = student.astype(np.float64), teacher.astype(np.float64)
    student[1, 0] *= 1e160
    teacher[3, 2] *= 1e160
    settings = method_settings("kd_ls", decoupled=decoupled)
    leaf = torch.tensor(student, requires_grad=True)
    loss = erde_loss(leaf, torch.tensor(teacher), torch.tensor(labels), settings)
    loss.sum().backward()
    found = [(loss.detach().numpy(), leaf.grad.numpy())]
    for backend in (erde_core, fast):
        found.append(backend.erde_loss_and_gradient(student, teacher, labels, settings))
    for values, gradient in found:
        assert np.argwhere(np.isnan(values)).tolist() == [[1, 0], [3, 2]]
        assert np.argwhere(np.isnan(gradient).all(2)).tolist() == [[1, 0], [3, 2]]


def test_no_teacher():
    student, teacher, labels = arguments()
    ce = method_settings("ce")
    expected = torch.nn.functional.cross_entropy(
        student.transpose(1, 2), labels[:, None].expand(6, 3)
    )
    assert distillation_loss(student, None, labels, ce).item() == pytest.approx(3 * expected.item())
    beside = distillation_loss(student, teacher * np.nan, labels, ce)
    assert beside == distillation_loss(student, None, labels, ce)
    nothing = LossSettings(**NONE)
    assert gradient_of(student, None, labels, nothing).count_nonzero() == 0


def test_self_moves_early_exits_alone():
    student, _, labels = arguments()
    alone = LossSettings(**NONE, self_weight=1.0)
    gradient = gradient_of(student, None, labels, alone)
    assert (gradient[:, :-1].abs().amax(2) > 0).all()
    assert gradient[:, -1].count_nonzero() == 0


@pytest.mark.parametrize("factor", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("method", ["erde", "dkd"])
def test_kd_factor_is_a_factor_of_kd_weight(factor, method):
    student, teacher, labels = arguments()
    settings = method_settings(method, kd_weight=2.0)
    found = distillation_loss(student, teacher, labels, settings, kd_factor=torch.tensor(factor))
    scaled = method_settings(method, kd_weight=2.0 * factor)
    expected = distillation_loss(student, teacher, labels, scaled)
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_factor_of_zero_leaves_out_an_infinite_kd():
    student, teacher, labels = arguments()
    student[0, 0, (labels[0] + 1) % 7] = -torch.inf
    kd = method_settings("kd")
    assert erde_loss(student, teacher, labels, kd)[0, 0] == torch.inf
    none = erde_loss(student, teacher, labels, kd, kd_factor=torch.tensor(0.0))
    assert none.isfinite().all()


def test_class_weights_scale_each_samples_cross_entropy():
    student, _, labels = arguments()
    weight = torch.linspace(0, 3, 7)
    ce = method_settings("ce")
    found = erde_loss(student, None, labels, ce, class_weight=weight)
    expected = weight[labels][:, None] * erde_loss(student, None, labels, ce)
    torch.testing.assert_close(found, expected)


# What makes the host wait for a GPU: a value read back, a shape that depends on values, a tensor
# made of numbers on the host.
WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "lift_fresh", "equal")


class NoWaiting(TorchDispatchMode):
    """Refuses operations that would make the host wait, on a machine without a GPU as well."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        by_mask = name in ("index", "index_put_") and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        assert name not in WAITS, f"{name} waits for the device"
        assert not by_mask, "a boolean index waits for the device"
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("wait", [torch.Tensor.item, torch.nonzero, lambda x: x.new_tensor([1.0])])
def test_waiting_is_noticed(wait):
    with pytest.raises(AssertionError, match="waits"), NoWaiting():
        wait(torch.ones(1))


@pytest.mark.parametrize(
    "settings",
    [
        LossSettings(exit_weights=(1.0, 0.5, 2.0)),
        LossSettings(entropy_exits="early", entropy_scale="log_c", right_from="last"),
        LossSettings(kd_mask="all", ce_mask="right", kd_exits="late"),
        LossSettings(decoupled=(1.0, 8.0), standardise=True, self_weight=1.0, target_from="last"),
    ],
)
def test_nothing_waits_for_the_device(settings):
    student, teacher, labels = arguments()
    student.requires_grad_()
    others = {"class_weight": torch.ones(7), "kd_factor": torch.tensor(0.5)}
    with NoWaiting():
        distillation_loss(student, teacher, labels, settings, **others).backward()
    assert student.grad.isfinite().all()


def reference_words(*arguments, **others):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the words are compared below
        erde_core.erde_loss(*arguments, **others)
    return str(caught.value)


def test_bad_input_in_the_words_of_the_reference():
    student, teacher, labels = arguments()
    log_c = LossSettings(entropy_scale="log_c")
    from_last = LossSettings(right_from="last", target_from="last")
    for bad in (
        (student[0], teacher, labels, ERDE),
        (student[:, :0], teacher[:, :0], labels, ERDE),
        (student.long(), teacher, labels, ERDE),
        (student, teacher[:, :2], labels, ERDE),
        (student, teacher[0], labels, ERDE),
        (student, teacher.long(), labels, ERDE),
        (student, None, labels, ERDE),
        (student, teacher, labels[1:], ERDE),
        (student, teacher, labels.float(), ERDE),
        (student[..., :1], teacher[..., :1], labels * 0, log_c),
        (student[..., :1], teacher[..., :1], labels * 0, LossSettings(standardise=True)),
        (student[..., :2], teacher[..., :2], labels * 0, LossSettings(decoupled=(1, 8))),
        (student, teacher[:, :2], labels, LossSettings(right_from="last")),
        (student, teacher[:3], labels, from_last),
        (student, teacher[:, :2, :4], labels, from_last),
    ):
        arrays = [x.numpy() if isinstance(x, torch.Tensor) else x for x in bad]
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            erde_loss(*bad)
        assert str(caught.value) == reference_words(*arrays)
    for weight in (torch.ones(6), torch.ones(7, 1), torch.ones(7).long()):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            erde_loss(student, teacher, labels, ERDE, class_weight=weight)
        arrays = student.numpy(), teacher.numpy(), labels.numpy(), ERDE
        assert str(caught.value) == reference_words(*arrays, class_weight=weight.numpy())
    with pytest.raises(ValueError, match=r"exit_weights must have one number per exit \(3\)"):
        distillation_loss(student, teacher, labels, LossSettings(exit_weights=(1.0, 1.0)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_nothing_waits_for_a_real_gpu():
    student, teacher, labels = arguments("cuda")
    student.requires_grad_()
    distillation_loss(student, teacher, labels, ERDE).backward()  # first calls load libraries
    torch.cuda.set_sync_debug_mode("error")
    try:
        weighted = LossSettings(exit_weights=(1.0, 0.5, 2.0))
        distillation_loss(student, teacher, labels, weighted).backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("form", [{"standardise": True}, {"decoupled": (1.0, 8.0)}])
def test_a_row_of_the_student_that_has_no_such_form_is_undefined_though_the_mask_hides_it(form):
    """The teacher is wrong there, so that no imitation is added; the reference still says NaN."""
    student = np.array([[[0.0, -np.inf, 1.0]], [[0.0, -np.inf, -np.inf]]])
    teacher, labels = np.array([[[0.0, 0.0, 5.0]]] * 2), np.array([0, 0])
    settings = method_settings("masked_kd", **form)
    expected = erde_core.erde_loss(student, teacher, labels, settings)
    found = erde_loss(torch.tensor(student), torch.tensor(teacher), torch.tensor(labels), settings)
    assert np.isnan(expected).any()
    assert np.array_equal(np.isnan(found.numpy()), np.isnan(expected))
