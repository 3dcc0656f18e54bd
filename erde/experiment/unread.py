"""Settings of a variant that nothing reads: with others it would be trained to the same bits."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from erde.experiment.exit_counts import ExitCounts
from erde.experiment.names import family_of, split_name
from erde.experiment.variants import Variant
from erde_core.errors import ErdeError
from erde_core.settings import LossSettings
from erde_torch.networks.cascades.settings import AnyNetwork
from erde_torch.networks.settings import NetworkSettings

_Reads = tuple[Callable[[LossSettings], bool], str]
_KD: _Reads = (lambda loss: loss.reads_target, "kd_weight is 0")
_ENTROPY: _Reads = (lambda loss: loss.entropy_weight > 0, "entropy_weight is 0")
# Of each field of a loss, when it is read, and where it is not. Weights always are.
READ_WHERE: Mapping[str, _Reads] = {
    "temperature": (
        lambda loss: loss.reads_target or loss.self_weight > 0,
        "kd_weight and self_weight are 0",
    ),
    "kd_mask": _KD,
    "kd_exits": _KD,
    "ce_mask": (lambda loss: loss.ce_weight > 0, "ce_weight is 0"),
    "entropy_exits": _ENTROPY,
    "entropy_scale": _ENTROPY,
    "right_from": (lambda loss: loss.reads_answer, "no term asks if the teacher is right"),
    "target_from": _KD,
    "standardise": _KD,
    "decoupled": _KD,
}
_BY_TABLES = ("right_from",)  # audit.csv tells by it what a teacher said, whatever a loss reads
_OF_EARLY_HEADS = ("head", "head_pool", "head_dropout")


def check_all_is_read(variants: Mapping[str, Variant]) -> None:
    """Refuse what a variant sets and its loss does not read.

    Where values are listed, one of them may switch a term off: what is set once for that term must
    then be read by one of the variants that the list makes, and what is listed by all.

    Raises:
        ErdeError: the message begins with the place in the file.
    """
    for names in _families(variants):
        for key, (_, where) in READ_WHERE.items():
            unread = _unread(variants, names, key)
            if unread:
                place, loss = f"variants.{unread[0]}", variants[unread[0]].loss
                raise _left_out(place, key, where, getattr(loss, key))
        online = [name for name in names if variants[name].teacher == "online"]
        if online and not any(variants[name].loss.needs_teacher for name in online):
            where = "no term needs the teacher"
            raise _left_out(f"variants.{online[0]}", "teacher", where, "online")


def check_one_exit(
    place: str, network: AnyNetwork, own: Mapping[str, Any], exits: ExitCounts
) -> None:
    """Refuse settings of early exits where there is one exit.

    Args:
        place: in the file, of the network's owner.
        network: one, or a cascade, whose members are trained one by one.
        own: what the owner sets of ``train``.
        exits: as far as they are known.

    Raises:
        ErdeError: the message begins with ``place``.
    """
    single = [exits.of(member) == 1 for member in network.members]
    for index, member in enumerate(network.members):
        within = f"{place}.network" + (f".cascade.{index}" if len(single) > 1 else "")
        if single[index]:
            check_usual(within, member, _OF_EARLY_HEADS, "there is no early exit")
    key = "gradient_scaling"
    if key in own and all(single):
        raise _left_out(f"{place}.train", key, "there is no early exit", own[key])


def check_usual(place: str, network: NetworkSettings, keys: Sequence[str], where: str) -> None:
    """Refuse those of ``keys`` that ``network`` sets, and that nothing reads.

    Raises:
        ErdeError: the message begins with ``place`` and says ``where`` that is so.
    """
    usual = {field.name: field.default for field in dataclasses.fields(NetworkSettings)}
    for key in keys:
        if (value := getattr(network, key)) != usual[key]:
            raise _left_out(place, key, where, value)


def _families(variants: Mapping[str, Variant]) -> Iterator[Sequence[str]]:
    """The names of the variants that the lists of one made."""
    found: dict[str, list[str]] = {}
    for name in variants:
        found.setdefault(family_of(name), []).append(name)
    yield from found.values()


def _unread(variants: Mapping[str, Variant], names: Sequence[str], key: str) -> list[str]:
    """Of one family those that set ``key`` in vain."""
    written = [name for name in names if key in variants[name].chosen]
    unread = [name for name in written if not READ_WHERE[key][0](variants[name].loss)]
    listed = [name for name in unread if key in split_name(name)[1]]
    return listed if listed or len(unread) < len(written) or key in _BY_TABLES else unread


def _left_out(place: str, key: str, where: str, value: object) -> ErdeError:
    return ErdeError(
        f"{place}.{key} must be left out where {where}: nothing reads it, got {value!r}"
    )
