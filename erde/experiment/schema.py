"""The experiment file: every key, its default and its range. Imports no torch.

Unknown keys, wrong types and values out of range are refused before any job, in one sentence that
names the file, the key, the rule and the value (and, for a misspelt key, the nearest known one).
"""

import re
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from erde.experiment.errors import ExperimentError, nearest, sentence
from erde.experiment.variants import Variant, expand_variants
from erde_core.views import all_views

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")  # it becomes the name of a folder
_RESERVED_LABELS = ("teacher", "checkpoints", "logs", "benchmarks")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


_Side = Annotated[int, Field(ge=1)]  # pixels
_Seed = Annotated[int, Field(ge=0, lt=2**31)]  # fits the key of every generator


class DigitsSource(_Model):
    """Cluttered digits, made from scikit-learn's handwritten digits."""

    name: Literal["digits"]
    train_images: int = Field(3000, ge=100, le=4000)
    canvas: int = Field(24, ge=16, le=64)
    seed: int = Field(0, ge=0)


class CifarSource(_Model):
    """CIFAR-10 or CIFAR-100 in their original archives (downloaded and verified)."""

    name: Literal["cifar10", "cifar100"]
    validation: int = Field(5000, ge=1)
    split_seed: int = Field(0, ge=0)


class SvhnSource(_Model):
    """SVHN's cropped digits in their original .mat files (downloaded and verified)."""

    name: Literal["svhn"]
    validation: int = Field(5000, ge=1)
    split_seed: int = Field(0, ge=0)


class FolderSource(_Model):
    """One's own images: ``path/train/<class>/*.png`` and ``path/test/<class>/*.png``."""

    name: Literal["folder"]
    path: str
    image_size: tuple[_Side, _Side] = Field(strict=False)
    validation: int = Field(ge=1)
    split_seed: int = Field(0, ge=0)


class Augment(_Model):
    """Pad by ``pad`` pixels, crop back, and mirror if ``flip``: a finite orbit of views."""

    pad: int = Field(4, ge=0, le=16)
    flip: bool = True
    pad_mode: Literal["zero", "reflect"] = "zero"

    @property
    def orbit(self) -> int:
        """The number of views."""
        return len(all_views(self.pad, self.flip))


class Network(_Model):
    """A ResNet with an exit after each of its four stages."""

    name: Literal["resnet10", "resnet18", "resnet34", "resnet50"]
    width: float = Field(1.0, gt=0, le=4)
    head_pool: Literal["avg2", "adaptive2"] = "avg2"
    head_dropout: float = Field(0.5, ge=0, lt=1)


class Train(_Model):
    """One training: SGD with Nesterov momentum, no weight decay on norms and biases."""

    epochs: int = Field(ge=1)
    batch_size: int = Field(128, ge=2)
    learning_rate: float = Field(0.1, gt=0)
    schedule: Literal["one_cycle", "cosine"] = "one_cycle"
    warmup: float = Field(0.2, ge=0, lt=1)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(5e-4, ge=0)
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    ema_decay: float = Field(0.0, ge=0, lt=1)
    precision: Literal["auto", "float32", "bf16"] = "auto"
    compile: bool = False  # network and loss as one graph each; a minute to build
    threads: int = Field(1, ge=1)
    # How the work is shared, not what is learned: left out of what results and checkpoints name.
    processes: int = Field(1, ge=1, exclude=True)

    @model_validator(mode="after")
    def _shareable(self) -> "Train":
        share, rest = divmod(self.batch_size, self.processes)
        if rest or share < 2:  # batch norm needs two images
            raise ValueError(
                "batch_size must be a multiple of processes, with at least 2 images for each, "
                f"got {self.batch_size} for {self.processes} processes"
            )
        return self


class Teacher(_Model):
    """The accurate network, trained with cross-entropy at every exit."""

    network: Network = Network(name="resnet34")
    train: Train
    folds: int = Field(1, ge=1, le=20)
    seed: _Seed = 0


class Student(_Model):
    """The cheap network, trained once per variant and seed."""

    network: Network = Network(name="resnet10")
    train: Train

    @model_validator(mode="after")
    def _no_smoothing(self) -> "Student":
        if self.train.label_smoothing:
            raise ValueError("train.label_smoothing must be 0 for the student: it has no such term")
        return self


class Cache(_Model):
    """The teacher's answers on the train split."""

    views: int | Literal["all"] = "all"
    precision: Literal["auto", "float32", "bf16"] = "auto"

    @field_validator("views", mode="before")
    @classmethod
    def _number_or_all(cls, views: object) -> object:
        if views != "all" and (type(views) is not int or views < 1):
            raise ValueError(f"must be 'all' or a whole number >= 1, got {views!r}")
        return views


Source = Annotated[
    DigitsSource | CifarSource | SvhnSource | FolderSource, Field(discriminator="name")
]


class Experiment(_Model):
    """One experiment file."""

    dataset: Source
    augment: Augment = Augment()
    teacher: Teacher
    cache: Cache = Cache()
    student: Student
    variants: dict[str, Variant] = Field(min_length=1)
    seeds: list[_Seed] = Field(min_length=1)
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @model_validator(mode="after")
    def _consistent(self) -> "Experiment":
        for label in self.variants:
            if not _LABEL.fullmatch(label):
                raise ValueError(
                    "variants: a label must be at most 200 letters A-Z, digits, '_', '-' or '.' "
                    f"and start with a letter or digit, got {label!r}"
                )
            if label in _RESERVED_LABELS:
                raise ValueError(f"variants: the label {label!r} is taken by the workflow")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds must differ from each other, got {self.seeds}")
        orbit = self.augment.orbit
        if self.cache.views != "all" and not 1 <= self.cache.views <= orbit:
            raise ValueError(
                f"cache.views must be 'all' or 1 … {orbit} (the views of this augmentation), "
                f"got {self.cache.views}"
            )
        return self


class _Loader(yaml.SafeLoader):
    """PyYAML takes the last of a repeated key without a word, and 5e-4 for text; not so here."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                line = key.start_mark.line + 1
                raise ValueError(f"key {key.value!r} must stand once, got it again in line {line}")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    [*"-+0123456789"],
)


def read_experiment(path: str | Path) -> Experiment:
    """Read and check an experiment file.

    Raises:
        ExperimentError: no such file, not YAML, or a rule is broken.
    """
    path = Path(path)
    if not path.exists():
        known = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise ExperimentError(
            f"experiment {path.stem!r}: no file {path}; {nearest(path.stem, known)}"
        )
    try:
        keys = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (yaml.YAMLError, ValueError, OSError, RecursionError) as error:
        raise ExperimentError(f"{path}: not readable: {' '.join(str(error).split())}") from error
    return parse_experiment(keys, str(path))


def parse_experiment(keys: object, name: str) -> Experiment:
    """Check what a YAML file holds; ``name`` is what errors call it.

    Raises:
        ExperimentError: a rule is broken.
    """
    if not isinstance(keys, dict):
        raise ExperimentError(f"{name}: must be a mapping of keys, got {type(keys).__name__}")
    try:
        expanded = {"variants": expand_variants(keys["variants"])} if "variants" in keys else {}
    except ValueError as error:
        raise ExperimentError(f"{name}: {error}") from None
    try:
        return Experiment.model_validate(keys | expanded)
    except ValidationError as error:
        raise ExperimentError(f"{name}: {sentence(error, Experiment)}") from None
