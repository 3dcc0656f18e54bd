"""What an experiment trains: of each variant its network, or the members of its cascade.

A member is trained once, whoever holds it: where a variant trains the very same network by the same
loss and the same ``train``, that training serves; the others lie in ``members/<name>``, a name that
follows from network, loss, and what differs from the student's ``train``.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from erde.experiment.exit_counts import ExitCounts
from erde.experiment.learning import check_taught
from erde.experiment.variants import Variant
from erde_core.errors import ErdeError
from erde_core.settings import LossSettings
from erde_torch.networks.cascades.settings import AnyNetwork, CascadeSettings
from erde_torch.networks.settings import NetworkSettings
from erde_torch.training.settings import StudentSettings, TrainSettings

MEMBERS = "members"
EARLY_EXIT, PLAIN, CASCADE, MIXTURE = "early exit", "plain", "cascade", "mixture"


@dataclass(frozen=True)
class Training:
    """One network and how it learns.

    Attributes:
        network: what is trained.
        loss: of its exits.
        teacher: ``cache`` or ``online``.
        train: optimiser, schedule and so on, its variant's own keys laid over the student's.
        own: those keys with their values, where they differ from the student's.
    """

    network: NetworkSettings
    loss: LossSettings
    teacher: str
    train: TrainSettings
    own: tuple[tuple[str, Any], ...] = ()

    @property
    def settings(self) -> StudentSettings:
        """Network and ``train`` together, as a student has them."""
        return StudentSettings(network=self.network, train=self.train)

    @property
    def reads_cache(self) -> bool:
        """Whether it reads the teacher's cached logits."""
        return self.loss.needs_teacher and self.teacher == "cache"

    @property
    def name(self) -> str:
        """Readable, and another for every other network, loss or ``train`` of a variant."""
        network = self.network
        keys = [_unusual(network), _unusual(self.loss), self.teacher]
        keys += [dict(self.own)] if self.own else []
        digest = hashlib.sha256(json.dumps(keys, sort_keys=True, default=list).encode()).hexdigest()
        width = f"-w{network.width:g}" if network.width != 1 else ""
        plain = "-plain" if network.exit_count == 1 else ""
        return f"{network.name.replace('/', '-')}{width}{plain}-{digest[:8]}"


def way_of(network: AnyNetwork, exits: ExitCounts) -> str:
    """``early exit``, ``plain``, ``cascade`` (of plain networks) or ``mixture``."""
    plain = all(exits.of(member) == 1 for member in network.members)
    if isinstance(network, CascadeSettings):
        return CASCADE if plain else MIXTURE
    return PLAIN if plain else EARLY_EXIT


def trainings_of(
    variant: Variant, student: StudentSettings, exits: ExitCounts
) -> tuple[Training, ...]:
    """The trainings behind a variant: its own, or those of its cascade's members in order.

    Args:
        variant: with or without a network of its own.
        student: the network of variants without one, and how all learn but for their own keys.
        exits: of the teacher and of networks.

    Raises:
        ErdeError: ``exit_weights`` are not one per exit, or nobody has asked how many a member of
            a cascade has; or the file asks for an exit that the teacher does not have, or for late
            exits of a member with one.
    """
    learns = variant.teacher, variant.overlaid(student.train), tuple(variant.train.items())
    if variant.network is None:
        return (Training(student.network, variant.loss, *learns),)
    weights = _weights_of_members(variant.loss, variant.network, exits)
    pairs = zip(variant.network.members, weights, strict=True)
    return tuple(
        Training(member, _loss_of(variant, member, own, exits), *learns) for member, own in pairs
    )


def folders_of(
    variants: Mapping[str, Variant], student: StudentSettings, exits: ExitCounts
) -> dict[str, Training]:
    """Every training of an experiment by its folder below ``results/<experiment>/``."""
    of = {name: trainings_of(one, student, exits) for name, one in variants.items()}
    whole = {name: found[0] for name, found in of.items() if not is_cascade(variants[name])}
    members = [one for name, found in of.items() if name not in whole for one in found]
    shared = {member_folder(one, whole): one for one in members}
    return whole | shared


def member_folder(member: Training, whole: Mapping[str, Training]) -> str:
    """Where a member is trained: in the folder of the first variant that is the same, if any."""
    same = (name for name, training in whole.items() if training == member)
    return next(same, f"{MEMBERS}/{member.name}")


def taught_by(trainings: Sequence[Training], exits: ExitCounts) -> list[int]:
    """Of every exit of a variant the teacher's exit whose answer it was trained with.

    Its own number, or -1, the last: where the teacher has another number of exits than the network
    (or the cascade's member), or ``right_from`` says so.
    """
    found: list[int] = []
    for training in trainings:
        count = exits.of(training.network) or 0
        own = count == exits.teacher and training.loss.right_from == "exit"
        found += range(count) if own else [-1] * count
    return found


def is_cascade(variant: Variant) -> bool:
    """Whether nothing is trained for it but the members of its cascade."""
    return isinstance(variant.network, CascadeSettings)


def _loss_of(
    variant: Variant,
    member: NetworkSettings,
    weights: tuple[float, ...] | None,
    exits: ExitCounts,
) -> LossSettings:
    """A member's: at exits that the teacher does not have it hears the teacher's last."""
    loss = replace(variant.loss, exit_weights=weights)
    own, taught = exits.of(member), exits.teacher
    if own is None:  # nobody has asked
        return loss
    if is_cascade(variant) and own == 1 and loss.needs_two_exits:
        raise ErdeError(
            f"{loss.needs_two_exits} needs at least 2 exits in each member of the cascade, got 1"
        )
    if is_cascade(variant):
        check_taught(loss, own)
    if taught is None:  # a plain network may hear any teacher's last, unless the file says more
        taught = 0 if own == 1 and not variant.asks_for_own_exit else own
    return variant.model_copy(update={"loss": loss}).for_exits(own, taught).loss


def _weights_of_members(
    loss: LossSettings, network: AnyNetwork, exits: ExitCounts
) -> list[tuple[float, ...] | None]:
    """``exit_weights`` shared out among the members; None for a member whose weights are all 1."""
    if loss.exit_weights is None:
        return [None for _ in network.members]
    whole = exits.of(network)
    if whole is None:
        raise ErdeError("exit_weights must be left out while nobody knows a member's exits")
    rest = list(loss.weights_of_exits(whole))
    shares: list[tuple[float, ...] | None] = []
    for member in network.members:
        count = exits.of(member) or 0
        own, rest = tuple(rest[:count]), rest[count:]
        shares.append(own if any(weight != 1 for weight in own) else None)
    return shares


def _unusual(settings: NetworkSettings | LossSettings) -> dict[str, Any]:
    """The fields that differ from their defaults."""
    fields = dataclasses.fields(settings)
    found = {field.name: (getattr(settings, field.name), field.default) for field in fields}
    return {name: value for name, (value, default) in found.items() if value != default}
