"""The settings of the distillation loss, and the methods as points in that space."""

from dataclasses import dataclass, replace
from typing import Any

from erde_core import checks
from erde_core.errors import ErdeError

METHODS: dict[str, dict[str, Any]] = {
    "ce": {"kd_weight": 0.0, "entropy_weight": 0.0},
    "kd": {"kd_mask": "all", "entropy_weight": 0.0},
    "masked_kd": {"entropy_weight": 0.0},
    "erde": {},
    "dkd": {
        "kd_mask": "all",
        "entropy_weight": 0.0,
        "decoupled": (1.0, 8.0),
        "temperature": 4.0,
    },
    "kd_ls": {
        "kd_mask": "all",
        "entropy_weight": 0.0,
        "standardise": True,
        "temperature": 2.0,
        "kd_weight": 9.0,
    },
}
_WEIGHTS = ("ce_weight", "kd_weight", "entropy_weight", "self_weight")


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """Weights and masks of ``erde_loss`` (arXiv 2510.04856; formula in docs/method.md).

    Attributes:
        temperature: τ of the distillation terms, 0.001 … 100.
        ce_weight: factor of the cross-entropy, ≥ 0.
        kd_weight: factor of τ² · KL(teacher ‖ student), ≥ 0.
        entropy_weight: factor of the negative entropy, ≥ 0.
        exit_weights: one factor per exit in the total, each ≥ 0; ``None`` means all 1.
        kd_mask: ``right`` imitates the teacher only where it is right, ``all`` everywhere.
        kd_exits: ``all``, or ``late`` to leave the first exit out of KD; a network with one exit
            has no late one.
        ce_mask: ``all``, or ``right`` to learn the label only where the teacher is right.
        entropy_exits: ``all``, or ``early`` to leave the last exit out of the entropy term; a
            network with one exit has no early one.
        entropy_scale: ``nats``, or ``log_c`` to divide the negative entropy by log C.
        right_from: whose answer decides, the teacher's own ``exit`` or its ``last``.
        target_from: whose logits KD imitates, the teacher's own ``exit`` or its ``last``.
        standardise: KD compares rows less their mean, divided by their standard deviation (logit
            standardisation; Sun et al., 2024, arXiv 2403.01427).
        decoupled: ``None``, or α and β ≥ 0: KD is α · the divergence of label against rest + β ·
            that among the other classes (DKD; Zhao et al., 2022, arXiv 2203.08679).
        self_weight: factor of τ² · KL(own last exit, held fixed ‖ own early exit), ≥ 0 (Phuong
            and Lampert, 2019); 0 for a network with one exit.

    Raises:
        ValueError: a field is outside its range; the message names field, rule and value.
    """

    temperature: float = 4.0
    ce_weight: float = 1.0
    kd_weight: float = 1.0
    entropy_weight: float = 0.3
    exit_weights: tuple[float, ...] | None = None
    kd_mask: str = "right"
    kd_exits: str = "all"
    ce_mask: str = "all"
    entropy_exits: str = "all"
    entropy_scale: str = "nats"
    right_from: str = "exit"
    target_from: str = "exit"
    standardise: bool = False
    decoupled: tuple[float, float] | None = None
    self_weight: float = 0.0

    def __post_init__(self) -> None:
        checks.temperature("temperature", self.temperature)
        for name in _WEIGHTS:
            checks.not_negative(name, getattr(self, name))
        # 4 and 4.0 are the same setting, in hashes and files too.
        for name in ("temperature", *_WEIGHTS):
            object.__setattr__(self, name, float(getattr(self, name)))
        if not isinstance(self.exit_weights, tuple | list | None):
            raise ErdeError(
                f"exit_weights must be a list of numbers or None, got {self.exit_weights!r}"
            )
        for index, weight in enumerate(self.exit_weights or ()):
            checks.not_negative(f"exit_weights[{index}]", weight)
        if self.exit_weights is not None:
            object.__setattr__(self, "exit_weights", tuple(map(float, self.exit_weights)))
        checks.one_of("kd_mask", self.kd_mask, ("right", "all"))
        checks.one_of("kd_exits", self.kd_exits, ("all", "late"))
        checks.one_of("ce_mask", self.ce_mask, ("all", "right"))
        checks.one_of("entropy_exits", self.entropy_exits, ("all", "early"))
        checks.one_of("entropy_scale", self.entropy_scale, ("nats", "log_c"))
        checks.one_of("right_from", self.right_from, ("exit", "last"))
        checks.one_of("target_from", self.target_from, ("exit", "last"))
        checks.flag("standardise", self.standardise)
        if self.decoupled is not None:
            pair = checks.pair_of_weights("decoupled", self.decoupled)
            object.__setattr__(self, "decoupled", pair)

    @property
    def needs_teacher(self) -> bool:
        """Whether any term reads the teacher's logits."""
        return self.reads_target or self.reads_answer

    @property
    def reads_target(self) -> bool:
        """Whether KD imitates the rows that ``target_from`` names."""
        return self.kd_weight > 0

    @property
    def reads_answer(self) -> bool:
        """Whether a mask asks if the teacher is right in the rows that ``right_from`` names."""
        masked_kd = self.kd_weight > 0 and self.kd_mask == "right"
        masked_ce = self.ce_weight > 0 and self.ce_mask == "right"
        return self.entropy_weight > 0 or masked_kd or masked_ce

    @property
    def reads_each_exit(self) -> bool:
        """Whether the teacher must have the student's number of exits."""
        own_answer = self.reads_answer and self.right_from == "exit"
        return own_answer or (self.reads_target and self.target_from == "exit")

    def check_classes(self, classes: int) -> None:
        """ValueError where a term is not defined for so few classes."""
        if self.entropy_scale == "log_c" and classes < 2:
            raise ErdeError(f"entropy_scale 'log_c' needs at least 2 classes, got {classes}")
        if self.standardise and classes < 2:
            raise ErdeError(f"standardise needs at least 2 classes, got {classes}")
        if self.decoupled is not None and classes < 3:
            raise ErdeError(f"decoupled needs at least 3 classes, got {classes}")

    @property
    def needs_two_exits(self) -> str | None:
        """The first setting that would act on nothing where there is one exit, and its value."""
        if self.reads_target and self.kd_exits == "late":
            return "kd_exits 'late'"
        if self.entropy_weight > 0 and self.entropy_exits == "early":
            return "entropy_exits 'early'"
        return f"self_weight {self.self_weight:g}" if self.self_weight > 0 else None

    def check_exits(self, exits: int) -> None:
        """ValueError where a setting would act on no exit of so few."""
        if exits < 2 and self.needs_two_exits:
            raise ErdeError(f"{self.needs_two_exits} needs at least 2 exits, got {exits}")

    def check_teacher(self, teacher: tuple[int, ...], student: tuple[int, ...]) -> None:
        """ValueError unless the shapes of the logits agree; in E only where each exit is read."""
        if teacher == student:
            return
        words = f"teacher must have the shape of student, got {teacher} and {student}"
        if teacher[::2] != student[::2]:
            raise ErdeError(words)
        if self.reads_each_exit:
            raise ErdeError(
                f"{words}: another number of exits needs target_from and right_from 'last'"
            )

    def weights_of_exits(self, exits: int) -> tuple[float, ...]:
        """``exit_weights`` for a network of ``exits`` exits; ValueError if the counts differ."""
        if self.exit_weights is None:
            return (1.0,) * exits
        if len(self.exit_weights) != exits:
            raise ErdeError(
                f"exit_weights must have one number per exit ({exits}), got {self.exit_weights}"
            )
        return self.exit_weights

    def exits_that_learn(self, exits: int) -> tuple[bool, ...]:
        """Of each of ``exits`` exits, whether a term with a weight above 0 reads its logits.

        Raises:
            ValueError: ``exit_weights`` has another number of weights.
        """
        last = exits - 1
        return tuple(
            weight > 0
            and bool(
                self.ce_weight
                or (self.kd_weight and (e > 0 or self.kd_exits == "all"))
                or (self.entropy_weight and (e < last or self.entropy_exits == "all"))
                or (self.self_weight and e < last)
            )
            for e, weight in enumerate(self.weights_of_exits(exits))
        )


def method_settings(method: str, **overrides: Any) -> LossSettings:  # noqa: ANN401 checked by LossSettings
    """The settings of a method of ``METHODS``, with ``overrides`` on top."""
    checks.one_of("method", method, tuple(METHODS))
    return replace(LossSettings(**METHODS[method]), **overrides)
