"""The experiment file: every key, its default and its range. Imports no torch.

Unknown keys, wrong types and values out of range are refused before any job, in one sentence that
names the file, the key, the rule and the value (and, for a misspelt key, the nearest known one).
"""

import functools
import operator
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from erde.datasets.source import SourceSettings
from erde.datasets.sources import SOURCES
from erde.experiment.errors import ExperimentError, nearest, sentence
from erde.experiment.names import check_label
from erde.experiment.variants import Variant, expand_variants
from erde.experiment.yaml_file import YamlError, read_yaml
from erde_core.fields import FromMapping
from erde_core.scores.fitted import LABELS
from erde_core.settings import LossSettings
from erde_torch.teacher_cache.settings import CacheSettings
from erde_torch.training.settings import AugmentSettings, StudentSettings, TeacherSettings

_MOST_STUDENTS = 10_000


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


_Seed = Annotated[int, Field(ge=0, lt=2**31)]  # fits the key of every generator


class _OneOf:
    """Marks a field whose key ``name`` says which class of settings it has."""

    def __init__(self, classes: Iterable[type]) -> None:
        self.classes = tuple(dict.fromkeys(classes))

    def __get_pydantic_core_schema__(self, source: object, handler: Any) -> Any:  # noqa: ANN401
        members: list[Any] = [Annotated[one, FromMapping()] for one in self.classes]
        union = functools.reduce(operator.or_, members)
        return handler.generate_schema(Annotated[union, Field(discriminator="name")])


class Experiment(_Model):
    """One experiment file."""

    dataset: Annotated[SourceSettings, _OneOf(entry.settings for entry in SOURCES.values())]
    augment: Annotated[AugmentSettings, FromMapping()] = AugmentSettings()
    teacher: Annotated[TeacherSettings, FromMapping()]
    cache: Annotated[CacheSettings, FromMapping()] = CacheSettings()
    student: Annotated[StudentSettings, FromMapping()]
    variants: dict[str, Variant] = Field(min_length=1)
    seeds: list[_Seed] = Field(min_length=1)
    score: Literal[LABELS] = "entropy"  # type: ignore[valid-type] # as the table of scores has them
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @model_validator(mode="after")
    def _consistent(self) -> "Experiment":
        for label, variant in self.variants.items():
            check_label(label, variant.method, variant.loss)
            self._check_exits(label, variant.loss)
        students = len(self.variants) * len(self.seeds)
        if students > _MOST_STUDENTS:
            raise ValueError(
                f"variants and seeds must make at most {_MOST_STUDENTS} students, got {students}"
            )
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds must differ from each other, got {self.seeds}")
        orbit, views = self.augment.orbit, self.cache.view_count
        if views is not None and views > orbit:
            raise ValueError(
                f"cache.views must be 'all' or 1 … {orbit} (the views of this augmentation), "
                f"got {views}"
            )
        return self

    def _check_exits(self, label: str, loss: LossSettings) -> None:
        """ValueError where numbers of exits do not fit; a network of timm counts its own later."""
        exits, taught = (part.network.exit_count for part in (self.student, self.teacher))
        if exits is None:
            return
        try:
            loss.weights_of_exits(exits)
        except ValueError as error:
            raise ValueError(f"variants.{label}: {error}") from None
        if taught not in (None, exits) and loss.reads_each_exit:
            raise ValueError(
                f"variants.{label}: target_from and right_from must be 'last' where student and "
                f"teacher have different numbers of exits, got {exits} and {taught}"
            )

    def named(self) -> dict[str, Any]:
        """Every key that results name: all but how trainings share their work."""
        unnamed = {"train": {"processes"}}
        return self.model_dump(exclude={"teacher": unnamed, "student": unnamed})


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
        keys = read_yaml(path)
    except YamlError as error:
        raise ExperimentError(f"{path}: {error}") from None
    except OSError as error:
        raise ExperimentError(f"{path}: not readable: {error.strerror}") from None
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
