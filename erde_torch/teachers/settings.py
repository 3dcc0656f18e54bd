"""Which teacher there is already, and how it wants to see images. Imports no torch.

Three kinds, told apart by their first key: ``trained`` (weights), ``onnx`` (a graph), ``logits``
(answers alone). None of them is trained here. Each kind's ``module`` reads it: ``look`` says what a
plan must know, ``bring`` makes the teacher's file, ``load`` makes a network of that file; the
versions of the distributions that it ``needs`` are part of what it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge

from erde_core.errors import ErdeError
from erde_core.fields import STRICT_KEYS, FromList, FromMapping, check_fields
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.table import family_of

_ABSENT = "there is nothing to train of a teacher that is there already"
# Keys of a teacher that is trained here.
TRAINING_KEYS = {
    "train": _ABSENT,
    "seed": _ABSENT,
    "folds": "a fold's teacher is trained without the fold, and this one is there already",
}
Numbers = Annotated[tuple[float, ...], FromList()]
Output = Literal["logits", "probabilities", None]


@dataclass(frozen=True, kw_only=True)
class SeenAs:
    """How a network wants to see images.

    Attributes:
        mean, std: per channel, for pixel values in 0 … 1; None: the data set's.
        image_size: (height, width) that images are resized to, bilinear and antialiased; None: as
            they are.
    """

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    image_size: tuple[int, int] | None = None

    def check_channels(self, channels: int) -> None:
        """Hold mean and deviation to images of so many channels; one number is not spread.

        Raises:
            ValueError: they have another number of them.
        """
        if self.mean is not None and len(self.mean) != channels:
            raise ErdeError(
                f"mean and std must have a number for each of the {channels} channels of the data "
                f"set, got {len(self.mean)} ({list(self.mean)})"
            )


@dataclass(frozen=True, kw_only=True)
class WeightsTeacher:
    """Weights of a network of the table, or of a plain classifier in one of them.

    Attributes:
        network: family and size; of a plain classifier no exits are read.
        trained: the file: .safetensors, .pt or .pth.
        classes: a file with the names of its classes in its order; None: the data set's order.
        mean, std, image_size: see :class:`SeenAs`; ``image_size`` is a number or two.
        threads: cores with which it is asked.

    Raises:
        ValueError: a field breaks its rule.
    """

    __pydantic_config__ = STRICT_KEYS
    unwanted: ClassVar[Mapping[str, str]] = TRAINING_KEYS
    module: ClassVar[str] = "erde_torch.teachers.weights"

    network: Annotated[NetworkSettings, FromMapping()]
    trained: str
    classes: str | None = None
    mean: Numbers | None = None
    std: Numbers | None = None
    image_size: object = None
    threads: Annotated[int, Ge(1)] = 1

    def __post_init__(self) -> None:
        check_fields(self)
        _check_seen(self)
        if self.network.weights is not None:
            raise ErdeError(
                "network.weights must be left out beside trained: there is no training to start, "
                f"got {self.network.weights!r}"
            )

    @property
    def needs(self) -> tuple[str, ...]:
        """Distributions beside torch."""
        return family_of(self.network.name).needs

    @property
    def files(self) -> dict[str, Path]:
        """The files that it is made of, by key."""
        return _files(trained=self.trained, classes=self.classes)

    @property
    def seen(self) -> SeenAs:
        """How it sees images."""
        return _seen(self)


@dataclass(frozen=True, kw_only=True)
class OnnxTeacher:
    """An ONNX graph with one input, asked through ONNX Runtime.

    Attributes:
        onnx: the file; what it keeps outside must lie beside it.
        output: what it gives; None: logits, and what looks like probabilities is refused.
        classes, mean, std, image_size, threads: as of :class:`WeightsTeacher`.

    Raises:
        ValueError: a field breaks its rule.
    """

    __pydantic_config__ = STRICT_KEYS
    unwanted: ClassVar[Mapping[str, str]] = TRAINING_KEYS
    module: ClassVar[str] = "erde_torch.teachers.onnx_network"
    needs: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime")

    onnx: str
    classes: str | None = None
    output: Output = None
    mean: Numbers | None = None
    std: Numbers | None = None
    image_size: object = None
    threads: Annotated[int, Ge(1)] = 1

    def __post_init__(self) -> None:
        check_fields(self)
        _check_seen(self)

    @property
    def files(self) -> dict[str, Path]:
        """The files that it is made of, by key."""
        return _files(onnx=self.onnx, classes=self.classes)

    @property
    def seen(self) -> SeenAs:
        """How it sees images."""
        return _seen(self)


@dataclass(frozen=True, kw_only=True)
class LogitsTeacher:
    """What a teacher said of every image, without the teacher: one view, no augmentation.

    Attributes:
        logits: ``.npy`` (N, C) or (N, exits, C) of all files of ``train/`` class by class, sorted
            by name, and within a class by file name, before validation is held out; of a data set
            without files, of ``data.h5``'s train, then val.
        test_logits: the same of ``test/``.
        names, test_names: files with the images' names, one a line in the order of the rows;
            wanted where sorted paths come in another order.
        classes, output: as of :class:`OnnxTeacher`.

    Raises:
        ValueError: a field breaks its rule.
    """

    __pydantic_config__ = STRICT_KEYS
    unwanted: ClassVar[Mapping[str, str]] = TRAINING_KEYS
    module: ClassVar[str] = "erde_torch.teachers.answers"
    needs: ClassVar[tuple[str, ...]] = ()
    threads: ClassVar[int] = 1

    logits: str
    test_logits: str
    names: str | None = None
    test_names: str | None = None
    classes: str | None = None
    output: Output = None

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def files(self) -> dict[str, Path]:
        """The files that it is made of, by key."""
        return _files(
            logits=self.logits,
            test_logits=self.test_logits,
            names=self.names,
            test_names=self.test_names,
            classes=self.classes,
        )


GivenTeacher = WeightsTeacher | OnnxTeacher | LogitsTeacher
# The key that tells a kind apart.
KINDS: dict[str, type[GivenTeacher]] = {
    "trained": WeightsTeacher,
    "onnx": OnnxTeacher,
    "logits": LogitsTeacher,
}


def given_of(kind: str, keys: Mapping[str, Any]) -> GivenTeacher:
    """From ``dataclasses.asdict`` of one, which may have been JSON meanwhile."""
    fields = with_tuples(keys)
    if "network" in fields:
        fields["network"] = NetworkSettings(**fields["network"])
    return KINDS[kind](**fields)


def with_tuples(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data with tuples, of which JSON made lists."""
    return {key: tuple(v) if isinstance(v, list) else v for key, v in keys.items()}


def _files(**paths: str | None) -> dict[str, Path]:
    return {key: Path(path) for key, path in paths.items() if path is not None}


def _seen(teacher: WeightsTeacher | OnnxTeacher) -> SeenAs:
    return SeenAs(mean=teacher.mean, std=teacher.std, image_size=_sides(teacher.image_size))


def _sides(size: object) -> tuple[int, int] | None:
    """(height, width) of a number or of two.

    Raises:
        ValueError: it is something else.
    """
    if size is None:
        return None
    sides = list(size) if isinstance(size, tuple | list) else [size, size]
    whole = [int(side) for side in sides if type(side) is int and side > 0]
    if len(sides) != 2 or len(whole) != 2:
        raise ErdeError(f"image_size must be pixels >= 1 or [height, width] of them, got {size!r}")
    return whole[0], whole[1]


def _check_seen(teacher: WeightsTeacher | OnnxTeacher) -> None:
    _check_range("mean", "in 0 … 1", teacher.mean, lambda value: 0 <= value <= 1)
    _check_range("std", "above 0 and up to 1", teacher.std, lambda value: 0 < value <= 1)
    mean, std = teacher.mean, teacher.std
    if (mean is None) != (std is None) or (mean and std and len(mean) != len(std)):
        raise ErdeError(
            "mean and std must be given together, a number per channel each, "
            f"got {_shown(mean)} and {_shown(std)}"
        )
    # A file's list: settings can be compared and hashed.
    object.__setattr__(teacher, "image_size", _sides(teacher.image_size))


def _check_range(
    key: str, rule: str, values: tuple[float, ...] | None, holds: Callable[[float], bool]
) -> None:
    if values is None or (values and all(map(holds, values))):
        return
    large = max(values, default=0) > 1
    asked = ": are they meant for pixel values 0 … 255? Then divide them by 255" if large else ""
    raise ErdeError(
        f"{key} must be numbers {rule}, for pixel values 0 … 1, got {list(values)}{asked}"
    )


def _shown(values: tuple[float, ...] | None) -> str:
    return "none" if values is None else str(list(values))
