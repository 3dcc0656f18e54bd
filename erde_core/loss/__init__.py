"""The distillation loss and its closed-form gradient: the reference every backend is checked by.

ERDE (Entropy-Regularized Distillation for Early-exit, arXiv 2510.04856). For sample n and exit e,
with student logits s, teacher logits t, label y and τ = temperature::

    CE   = -log softmax(s)_y                           ∂CE  = p - onehot(y)
    KD   = τ² KL(softmax(t/τ) || softmax(s/τ))         ∂KD  = τ (softmax(s/τ) - softmax(t/τ))
    ENT  = Σ_c p_c log p_c = -H(p)                     ∂ENT = p (log p - Σ_c p_c log p_c)
    SELF = τ² KL(softmax(s'/τ) || softmax(s/τ))        s' = the student's last exit, held fixed
    loss = ce_weight CE + right kd_weight KD + (1 - right) entropy_weight ENT + self_weight SELF

KD's other forms (``standardise``, ``decoupled``) stand in ``imitation``.

Shape suffixes: N samples, E exits, C classes. Everything is computed in float64 whatever comes in.
A term whose weight is 0 at (n, e) is left out, so its infinities do not count there. A row that
holds NaN or +inf, or only -inf, is undefined, for ``standardise`` also one that holds any -inf or
whose variance overflows, and for ``decoupled`` one whose classes beside the label hold only -inf.
Loss and gradient are NaN at (n, e) if a row is undefined that the settings read there: the
student's own row, the teacher's rows that ``target_from`` and ``right_from`` name where a term
reads them, and for ``self_weight`` the student's last row.
"""

from erde_core.loss.terms import (
    cross_entropy,
    kd_divergence,
    negative_entropy,
    teacher_right,
)
from erde_core.loss.whole import erde_loss, erde_loss_and_gradient

__all__ = [
    "cross_entropy",
    "erde_loss",
    "erde_loss_and_gradient",
    "kd_divergence",
    "negative_entropy",
    "teacher_right",
]
