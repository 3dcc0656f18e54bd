"""The settings of the distillation loss, and the four methods as points in that space."""

from dataclasses import dataclass, replace

from erde_core import checks

METHODS: dict[str, dict[str, object]] = {
    "ce": {"kd_weight": 0.0, "entropy_weight": 0.0},
    "kd": {"kd_mask": "all", "entropy_weight": 0.0},
    "masked_kd": {"entropy_weight": 0.0},
    "erde": {},
}


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """Weights and masks of ``erde_loss`` (arXiv 2510.04856; formula in docs/method.md).

    Attributes:
        temperature: τ of the distillation term, > 0.
        ce_weight: factor of the cross-entropy, ≥ 0.
        kd_weight: factor of τ² · KL(teacher ‖ student), ≥ 0.
        entropy_weight: factor of the negative entropy, ≥ 0.
        exit_weights: one factor per exit in the total, each ≥ 0; ``None`` means all 1.
        kd_mask: ``right`` imitates the teacher only where it is right, ``all`` everywhere.
        ce_mask: ``all``, or ``right`` to learn the label only where the teacher is right.
        entropy_exits: ``all``, or ``early`` to leave the last exit out of the entropy term.
        entropy_scale: ``nats``, or ``log_c`` to divide the negative entropy by log C.
        right_from: whose answer decides, the teacher's own ``exit`` or its ``last``.

    Raises:
        ValueError: a field is outside its range; the message names field, rule and value.
    """

    temperature: float = 4.0
    ce_weight: float = 1.0
    kd_weight: float = 1.0
    entropy_weight: float = 0.3
    exit_weights: tuple[float, ...] | None = None
    kd_mask: str = "right"
    ce_mask: str = "all"
    entropy_exits: str = "all"
    entropy_scale: str = "nats"
    right_from: str = "exit"

    def __post_init__(self) -> None:
        checks.positive("temperature", self.temperature)
        for name in ("ce_weight", "kd_weight", "entropy_weight"):
            checks.not_negative(name, getattr(self, name))
        # 4 and 4.0 are the same setting, in hashes and files too.
        for name in ("temperature", "ce_weight", "kd_weight", "entropy_weight"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if not isinstance(self.exit_weights, tuple | list | None):
            raise ValueError(
                f"exit_weights must be a list of numbers or None, got {self.exit_weights!r}"
            )
        for index, weight in enumerate(self.exit_weights or ()):
            checks.not_negative(f"exit_weights[{index}]", weight)
        if self.exit_weights is not None:
            object.__setattr__(self, "exit_weights", tuple(map(float, self.exit_weights)))
        checks.one_of("kd_mask", self.kd_mask, ("right", "all"))
        checks.one_of("ce_mask", self.ce_mask, ("all", "right"))
        checks.one_of("entropy_exits", self.entropy_exits, ("all", "early"))
        checks.one_of("entropy_scale", self.entropy_scale, ("nats", "log_c"))
        checks.one_of("right_from", self.right_from, ("exit", "last"))

    @property
    def needs_teacher(self) -> bool:
        """Whether any term reads the teacher's logits."""
        masked_ce = self.ce_weight > 0 and self.ce_mask == "right"
        return self.kd_weight > 0 or self.entropy_weight > 0 or masked_ce

    def weights_of_exits(self, exits: int) -> tuple[float, ...]:
        """``exit_weights`` for a network of ``exits`` exits; ValueError if the counts differ."""
        if self.exit_weights is None:
            return (1.0,) * exits
        if len(self.exit_weights) != exits:
            raise ValueError(
                f"exit_weights must have one number per exit ({exits}), got {self.exit_weights}"
            )
        return self.exit_weights


def method_settings(method: str, **overrides: object) -> LossSettings:
    """The settings of ``ce``, ``kd``, ``masked_kd`` or ``erde``, with ``overrides`` on top."""
    checks.one_of("method", method, tuple(METHODS))
    return replace(LossSettings(**METHODS[method]), **overrides)
