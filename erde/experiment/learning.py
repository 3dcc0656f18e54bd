"""Which exits a loss teaches: one that acts nowhere would train by weight decay alone.

To compute a loss of 0 is no fault; to train and compare by it is one, so it is refused here.
"""

from erde_core.errors import ErdeError
from erde_core.settings import LossSettings

_WEIGHTS = ("ce_weight", "kd_weight", "entropy_weight", "self_weight")
_ANY_EXITS = 2  # as many as let every term act


def check_taught(loss: LossSettings, member_exits: int | None = None) -> None:
    """ErdeError where no exit is taught, or KD is asked for and both its parts are left out.

    ``member_exits`` is the number of exits if the loss is that of a member of a cascade.
    """
    where = "" if member_exits is None else " in each member of the cascade"
    weights = loss.exit_weights or (1.0,) * (member_exits or _ANY_EXITS)
    if not any(getattr(loss, name) for name in _WEIGHTS):
        raise ErdeError(f"one of {', '.join(_WEIGHTS)} must be above 0, got 0 for all")
    if loss.kd_weight > 0 and loss.decoupled == (0, 0):
        raise ErdeError("decoupled must hold a number above 0 where kd_weight is, got [0, 0]")
    if not any(weights):
        raise ErdeError(f"exit_weights must hold a number above 0{where}, got {_listed(weights)}")
    if not any(loss.exits_that_learn(len(weights))):
        raise ErdeError(
            "exit_weights must hold a number above 0 for an exit at which a term acts"
            f"{where}, got {_listed(weights)}"
        )


def _listed(weights: tuple[float, ...]) -> str:
    return f"[{', '.join(f'{weight:g}' for weight in weights)}]"
