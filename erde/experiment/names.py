"""Names of variants that come from a list of values, and what readers call them.

A name is the family's, then ``-<key>-<value>`` per listed key: ``erde-entropy_weight-0.3``. Keys
stand in the order of ``LossSettings``, whatever the file's order. A number is the shortest text
that reads back as itself, so that 1 and 1.0 are both ``1``, 1e-3 is ``0.001`` and 1e-5 ``1e-05``;
the numbers of ``exit_weights`` and ``decoupled`` are joined by ``_``; words stay as they are, and
``true`` and ``false`` are words.
"""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

from erde_core.errors import ErdeError
from erde_core.settings import METHODS, LossSettings

LOSS_FIELDS = tuple(field.name for field in dataclasses.fields(LossSettings))
_NAMES = {
    "ce": "CE",
    "kd": "KD",
    "masked_kd": "masked KD",
    "erde": "ERDE",
    "dkd": "DKD",
    "kd_ls": "KD, standardised",
}
# Their value is a list.
LIST_FIELDS = ("exit_weights", "decoupled")
_INT8 = " int8"  # no name has a space
# Of an experiment or a variant: it becomes the name of a folder, and a wildcard of the workflow's.
NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}"
_NAME_RULE = (
    "must be at most 200 letters A-Z, digits, '_', '-' or '.' and start with a letter or digit"
)
# What the workflow writes beside the variants' folders, in results/<experiment>/ and in its logs/.
_OTHER_FOLDERS = ("teacher", "members", "rivals", "deploy", "checkpoints", "logs", "benchmarks")
_FILE_ENDINGS = (".csv", ".h5", ".json", ".log", ".png", ".safetensors", ".tsv")
_NUMBER = r"\d+(?:\.\d+)?(?:e-?\d+)?"
_PAIR = rf"-({'|'.join(LOSS_FIELDS)})-({_NUMBER}(?:_{_NUMBER})*|[a-z_]+)"
_LISTED = re.compile(rf"(.+?)((?:{_PAIR})+)")


def listed_name(family: str, values: Mapping[str, object]) -> str:
    """The name of the family's member that has ``values``, by key of ``LossSettings``."""
    pairs = [f"-{key}-{value_text(values[key])}" for key in LOSS_FIELDS if key in values]
    return family + "".join(pairs)


def check_variant_name(variant: str, method: str, loss: LossSettings) -> None:
    """Refuse a name that is no folder's, that is another file's, or that says what is not so.

    Raises:
        ValueError: the message begins with the place in the file.
    """
    if not re.fullmatch(NAME, variant):
        raise ErdeError(f"variants: a name {_NAME_RULE}, got {variant[:220]!r}")
    if variant in _OTHER_FOLDERS or variant.lower().endswith(_FILE_ENDINGS):
        raise ErdeError(f"variants: the name {variant!r} is taken by the workflow's own files")
    family, values = split_name(variant)
    if family in METHODS and family != method:
        raise ErdeError(
            f"variants: the name {variant!r} must be of method {family}, as pictures and report "
            f"call it so, got method {method}"
        )
    for key, text in values.items():
        if text != value_text(getattr(loss, key)):
            raise ErdeError(
                f"variants: the name {variant!r} says {key} {text}, but its {key} is "
                f"{value_text(getattr(loss, key))}"
            )


def check_experiment_name(name: str) -> None:
    """Refuse a name for which the workflow would have no rule.

    Raises:
        ErdeError: it is none.
    """
    if not re.fullmatch(NAME, name):
        raise ErdeError(f"the name of an experiment {_NAME_RULE}, got {name[:220]!r}")


def check_experiment_file(path: Path) -> None:
    """Refuse a file that the workflow would not find.

    Raises:
        ErdeError: the message begins with the path.
    """
    if path.suffix != ".yaml":
        raise ErdeError(f"{path}: the file of an experiment must be called <name>.yaml")
    try:
        check_experiment_name(path.stem)
    except ErdeError as error:
        raise ErdeError(f"{path}: {error}") from None


def value_text(value: object) -> str:
    """A value as it stands in a variant's name."""
    if isinstance(value, list | tuple):
        return "_".join(map(value_text, value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value + 0.0).removesuffix(".0").replace("+", "")
    return str(value)


def shown_variant(methods: Mapping[str, str]) -> str:
    """The variant that is shown where there is room for one: the first ERDE, else the first.

    Args:
        methods: of each variant by name, in the order of the experiment file.
    """
    ours = [variant for variant, method in methods.items() if method == "erde"]
    return (ours or [*methods])[0]


def family_of(variant: str) -> str:
    """The name of the variant that listed the values; one without values is its own family."""
    return split_name(variant)[0]


def split_name(variant: str) -> tuple[str, dict[str, str]]:
    """The family, and the text of each listed value by its key."""
    found = _LISTED.fullmatch(variant)
    if not found:
        return variant, {}
    return found[1], dict(re.findall(_PAIR, found[2]))


def int8_name(variant: str) -> str:
    """What tables call the 8-bit networks of a variant: by a name of their own, ``erde int8``."""
    return variant + _INT8


def float32_name(variant: str) -> str:
    """The variant whose 8-bit networks are called ``variant``; a variant's own name stays."""
    return variant.removesuffix(_INT8)


def name_of(variant: str) -> str:
    """What readers call a variant: ``ERDE``, ``ERDE, entropy weight 0.3``, or ``ERDE int8``."""
    family, values = split_name(float32_name(variant))
    pairs = [f"{key.replace('_', ' ')} {_readable(key, value)}" for key, value in values.items()]
    name = ", ".join([_NAMES.get(family, family), *pairs])
    return name + variant[len(float32_name(variant)) :]


def values_name(variant: str) -> str:
    """The listed values alone: ``0.3``, or ``0.3, 4`` where two keys list."""
    return ", ".join(_readable(key, value) for key, value in split_name(variant)[1].items())


def _readable(key: str, value: str) -> str:
    return value.replace("_", " ") if key in LIST_FIELDS else value
