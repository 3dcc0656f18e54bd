"""Compares every loss implementation found on this machine with the reference, case by case."""

import math
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import metadata, util

import numpy as np
import torch
from numpy.typing import NDArray

import erde_core
from erde_torch.loss import erde_loss
from erde_torch.parity.cases import Case, parity_cases

LossAndGradient = tuple[NDArray[np.floating], NDArray[np.floating]]
# Distance from 1 to the next number.
EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}


@dataclass(frozen=True)
class Backend:
    """One implementation at one input dtype.

    Attributes:
        name: of the implementation.
        device: what it runs on.
        dtype: of the logits that it is given, and of its gradient.
        computes_in: dtype of its arithmetic.
        evaluate: loss ``(N, E)`` and gradient ``(N, E, C)`` of a case whose logits are float64
            but hold only numbers that ``dtype`` has.
    """

    name: str
    device: str
    dtype: str
    computes_in: str
    evaluate: Callable[[Case], LossAndGradient]


def backends() -> Iterator[Backend]:
    """All that this machine has: Numba if installed, PyTorch on the CPU and on a GPU if any."""
    if util.find_spec("numba"):
        for dtype in ("float64", "float32"):
            yield Backend("erde_core.fast", "CPU", dtype, "float64", _numba(dtype))
    devices = {"CPU": torch.device("cpu")}
    if torch.cuda.is_available():
        devices[torch.cuda.get_device_name()] = torch.device("cuda")
    for label, device in devices.items():
        for dtype in EPSILON:
            computes_in = "float64" if dtype == "float64" else "float32"
            evaluate = differentiated(erde_loss, dtype, device)
            yield Backend("erde_torch", label, dtype, computes_in, evaluate)


def differentiated(
    loss: Callable[..., torch.Tensor], dtype: str, device: str | torch.device = "cpu"
) -> Callable[[Case], LossAndGradient]:
    """What a :class:`Backend` needs of a PyTorch loss, with the gradient from autograd.

    Args:
        loss: of student, teacher or None, labels and settings, and of the keyword ``class_weight``
            in the cases that have one; gives ``(N, E)``.
        dtype: of the logits that it gets, by name.
        device: where they are.
    """

    def tensor(array: NDArray[np.float64]) -> torch.Tensor:
        return torch.tensor(array, device=device, dtype=getattr(torch, dtype))

    def evaluate(case: Case) -> LossAndGradient:
        student = tensor(case.student).requires_grad_()
        teacher = None if case.teacher is None else tensor(case.teacher)
        labels = torch.tensor(case.labels, device=device)
        weight = {} if case.class_weight is None else {"class_weight": tensor(case.class_weight)}
        values = loss(student, teacher, labels, case.settings, **weight)
        (gradient,) = torch.autograd.grad(values, student, torch.ones_like(values))
        return values.detach().double().cpu().numpy(), gradient.double().cpu().numpy()

    return evaluate


def tolerances(case: Case, backend: Backend) -> tuple[float, float]:
    """How far loss and gradient may lie from the reference, in nats.

    Loss: a logarithm of a softmax is a difference of logits plus at most log C, each rounded at
    its own size; so the error grows with max|logit|, and τ² · (logits / τ) makes it τ times that.
    Gradient: probabilities do not exceed 1 however large the logits are, so only the slopes of
    the terms count, and the rounding of the result to the input's dtype. ``decoupled`` weighs its
    two parts by α and β. ``standardise`` divides by a row's deviation: what it compares is rounded
    at max|logit| / deviation, and its slope is as much steeper. 4 covers the few operations and
    the sum over the classes; the implementations here stay below half of it.
    """
    settings, log_c = case.settings, math.log(case.student.shape[2])
    tau, spread, steeper = settings.temperature, 2 * case.magnitude, 1.0
    ce = settings.ce_weight
    if case.class_weight is not None:
        ce *= max(1.0, float(case.class_weight.max()))
    kd = settings.kd_weight * sum(settings.decoupled or (1.0,))
    itself, ent = settings.self_weight, settings.entropy_weight
    of_kd = spread
    if settings.standardise and kd > 0:
        deviation = case.smallest_deviation
        of_kd, steeper = spread / deviation, (1 + spread / deviation) / deviation
    arithmetic = 4 * EPSILON[backend.computes_in]
    size = ce * (spread + log_c) + ent * log_c
    size += kd * tau * (of_kd + tau * log_c) + itself * tau * (spread + tau * log_c)
    slope = ce + ent * log_c + tau * (kd * steeper + itself)
    # Never below a fixed share of 1: float16 and bfloat16 gradients underflow before they vanish.
    return arithmetic * max(1.0, size), (arithmetic + EPSILON[backend.dtype] / 2) * max(1.0, slope)


def evaluated(function: Callable[..., LossAndGradient], case: Case) -> LossAndGradient:
    """What a NumPy implementation of ``erde_loss_and_gradient`` gives for a case."""
    arguments = (case.student, case.teacher, case.labels, case.settings)
    return function(*arguments, class_weight=case.class_weight)


def largest_error(found: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    """The largest |found - expected|; infinite if shapes, NaNs or infinities differ."""
    if found.shape != expected.shape:
        return math.inf
    finite = np.isfinite(expected)
    if not np.array_equal(found[~finite], expected[~finite], equal_nan=True):
        return math.inf
    difference = np.abs(found[finite].astype(np.float64) - expected[finite])
    return float(np.max(np.nan_to_num(difference, nan=math.inf), initial=0.0))


def compare(backend: Backend, case: Case) -> dict[str, object]:
    """One row: errors of loss and gradient, their tolerances, and whether both are within them."""
    case = case.rounded(backend.dtype)
    loss, gradient = backend.evaluate(case)
    expected_loss, expected_gradient = evaluated(erde_core.erde_loss_and_gradient, case)
    loss_error = largest_error(loss, expected_loss)
    gradient_error = largest_error(gradient, expected_gradient)
    loss_tolerance, gradient_tolerance = tolerances(case, backend)
    return {
        "backend": backend.name,
        "device": backend.device,
        "dtype": backend.dtype,
        "case": case.name,
        "loss_error": loss_error,
        "loss_tolerance": loss_tolerance,
        "gradient_error": gradient_error,
        "gradient_tolerance": gradient_tolerance,
        "within": loss_error <= loss_tolerance and gradient_error <= gradient_tolerance,
    }


def compare_all(found: Iterable[Backend]) -> list[dict[str, object]]:
    """One row per backend and case."""
    cases = list(parity_cases())
    return [compare(backend, case) for backend in found for case in cases]


def report(rows: list[Mapping[str, object]]) -> str:
    """The rows as a Markdown table, under the versions and the machine that gave them."""
    lines = [
        "# Every loss implementation found here against erde_core",
        "",
        f"{platform.platform()}, {platform.machine()}; {_versions()}.",
        "Errors are the largest absolute differences from the NumPy reference, in nats.",
        "",
        "| backend | device | dtype | case | loss: error | tolerance | gradient: error "
        "| tolerance | verdict |",
        "|---|---|---|---|---:|---:|---:|---:|---|",
    ]
    cases = ["", "| case | why it is there |", "|---|---|"]
    cases += [f"| {case.name} | {case.why} |" for case in parity_cases()]
    return "\n".join(lines + [_line(row) for row in rows] + cases) + "\n"


def _line(row: Mapping[str, object]) -> str:
    numbers = ("loss_error", "loss_tolerance", "gradient_error", "gradient_tolerance")
    cells = [str(row[key]) for key in ("backend", "device", "dtype", "case")]
    cells += [f"{row[key]:.1e}" for key in numbers]
    return "| " + " | ".join([*cells, "ok" if row["within"] else "OUT OF TOLERANCE"]) + " |"


def _versions() -> str:
    names = ("numpy", "torch", "numba")
    return ", ".join(f"{n} {metadata.version(n)}" for n in names if util.find_spec(n))


def _numba(dtype: str) -> Callable[[Case], LossAndGradient]:
    def evaluate(case: Case) -> LossAndGradient:
        from erde_core import fast  # only where Numba is installed

        teacher = None if case.teacher is None else case.teacher.astype(dtype)
        narrow = replace(case, student=case.student.astype(dtype), teacher=teacher)
        return evaluated(fast.erde_loss_and_gradient, narrow)

    return evaluate
