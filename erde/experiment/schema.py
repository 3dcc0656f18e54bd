"""The experiment file: every key, its default and its range. Imports no torch.

Unknown keys, wrong types and values out of range are refused before any job, in one sentence that
names the file, the key, the rule and the value (and, for a misspelt key, the nearest known one).
"""

import dataclasses
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from erde.datasets.source import SourceSettings
from erde.datasets.sources import SOURCES
from erde.experiment.errors import ExperimentError, nearest, sentence
from erde.experiment.exit_counts import ExitCounts
from erde.experiment.marks import OneOf, OneTeacher, OrSwitch
from erde.experiment.names import check_experiment_file, check_variant_name
from erde.experiment.own_train import with_own_train
from erde.experiment.trainings import (
    Training,
    folders_of,
    member_folder,
    taught_by,
    trainings_of,
)
from erde.experiment.unread import check_all_is_read, check_one_exit
from erde.experiment.variants import Variant, expand_variants, plain_distillation
from erde.experiment.yaml_file import YamlError, read_yaml
from erde_core.errors import ErdeError
from erde_core.fields import SEEDS, FromMapping
from erde_core.scores.fitted import LABELS
from erde_torch.int8.settings import Int8Settings
from erde_torch.networks.cascades.settings import AnyNetwork
from erde_torch.teacher_cache.settings import CacheSettings
from erde_torch.teachers.settings import GivenTeacher, LogitsTeacher
from erde_torch.training.settings import (
    UNNAMED,
    AugmentSettings,
    StudentSettings,
    TeacherSettings,
    TrainSettings,
)

_MOST_STUDENTS = 10_000
_TRAINED = ("teacher", "student")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


_Seed = Annotated[int, Field(ge=0, lt=SEEDS)]


class Experiment(_Model):
    """One experiment file."""

    dataset: Annotated[SourceSettings, OneOf(entry.settings for entry in SOURCES.values())]
    augment: Annotated[AugmentSettings, FromMapping()] = AugmentSettings()
    teacher: Annotated[TeacherSettings | GivenTeacher, OneTeacher()]
    cache: Annotated[CacheSettings, FromMapping()] = CacheSettings()
    student: Annotated[StudentSettings, FromMapping()]
    variants: dict[str, Variant] = Field(min_length=1)
    seeds: list[_Seed] = Field(min_length=1)
    score: Literal[LABELS] = "entropy"  # type: ignore[valid-type] # as the table of scores has them
    device: Literal["auto", "cpu", "cuda"] = "auto"
    int8: Annotated[bool | Int8Settings, OrSwitch(Int8Settings)] = False
    _exits: ExitCounts = PrivateAttr(default=ExitCounts())

    @model_validator(mode="before")
    @classmethod
    def _crops(cls, keys: Any) -> Any:  # noqa: ANN401 -- whatever the YAML holds
        """Crops stand instead of pad, and are drawn from the split's seed."""
        augment = keys.get("augment") if isinstance(keys, dict) else None
        if not isinstance(augment, dict) or not isinstance(augment.get("crops"), dict):
            return keys
        both = [key for key in ("pad", "pad_mode") if key in augment]
        if both:
            raise ErdeError(f"augment: {both[0]} must not stand beside crops")
        dataset = keys.get("dataset")
        seed = dataset.get("split_seed", 0) if isinstance(dataset, dict) else 0
        if type(seed) is not int or not 0 <= seed < SEEDS:
            return keys  # which is the data set's to refuse
        return {**keys, "augment": {**augment, "crops": {"seed": seed, **augment["crops"]}}}

    @model_validator(mode="after")
    def _consistent(self) -> "Experiment":
        for name, variant in self.variants.items():
            check_variant_name(name, variant.method, variant.loss)
        check_all_is_read(self.variants)
        students = len(self.variants) * len(self.seeds)
        if students > _MOST_STUDENTS:
            raise ErdeError(
                f"variants and seeds must make at most {_MOST_STUDENTS} students, got {students}"
            )
        if len(set(self.seeds)) != len(self.seeds):
            raise ErdeError(f"seeds must differ from each other, got {self.seeds}")
        self._check_given()
        orbit, views = self.augment.orbit, self.cache.view_count
        if self.augment.crops and views is None:
            raise ErdeError("cache.views must be a number where augment has crops, got 'all'")
        if views is not None and views > orbit:
            raise ErdeError(
                f"cache.views must be 'all' or 1 … {orbit} (the views of this augmentation), "
                f"got {views}"
            )
        own = with_own_train(self.variants, self.student)
        seen = self.model_copy(update={"cache": self._one_view(), "variants": own})
        trained = self.trained_teacher
        return seen.with_exits(ExitCounts(trained.network.exit_count if trained else None))

    @property
    def trained_teacher(self) -> TeacherSettings | None:
        """The teacher if it is trained here; None where it is there already."""
        return self.teacher if isinstance(self.teacher, TeacherSettings) else None

    @property
    def given_teacher(self) -> GivenTeacher | None:
        """The teacher that is there already; None where it is trained here."""
        return None if isinstance(self.teacher, TeacherSettings) else self.teacher

    def _check_given(self) -> None:
        """A file of answers cannot be asked; of several teachers, each has seen most images."""
        trained, why = self.trained_teacher, ""
        if isinstance(self.teacher, LogitsTeacher):
            why = "teacher.logits, as a file of answers cannot be asked"
            if self.cache.views not in ("all", 1):
                raise ErdeError(
                    "cache.views must be 1 with teacher.logits, which holds one view of each "
                    f"image, got {self.cache.views}"
                )
        elif trained is not None and trained.folds > 1:
            why = "teacher.folds, where no teacher answers for images it has seen"
        for label, variant in self.variants.items():
            if why and variant.loss.needs_teacher and variant.teacher == "online":
                raise ErdeError(
                    f"variants.{label}: teacher must be 'cache' with {why}, got 'online'"
                )

    def _one_view(self) -> CacheSettings:
        """The cache; of a teacher that is a file of answers, of the only view that it knows."""
        known = isinstance(self.teacher, LogitsTeacher)
        return dataclasses.replace(self.cache, views=1) if known else self.cache

    def with_exits(self, exits: ExitCounts) -> "Experiment":
        """With every variant as it is for networks of so many exits.

        Raises:
            ErdeError: numbers of exits do not fit; the message begins with the place in the file.
        """
        student = exits.of(self.student.network)
        heard = student if exits.teacher is None else exits.teacher
        fitted = dict(self.variants)
        if self.trained_teacher is not None:
            check_one_exit("teacher", self.trained_teacher.network, {}, exits)
        check_one_exit("student", self.student.network, {}, exits)
        for name, variant in self.variants.items():
            network = variant.network or self.student.network
            check_one_exit(f"variants.{name}", network, variant.train, exits)
            try:
                if variant.network is not None:
                    if exits.of(variant.network) is not None:
                        trainings_of(variant, self.student, exits)
                elif student is not None and heard is not None:
                    fitted[name] = variant.for_exits(student, heard)
            except ErdeError as error:
                raise ErdeError(f"variants.{name}: {error}") from None
        found = self.model_copy(update={"variants": fitted})
        found._exits = exits
        return found

    @property
    def quantisation(self) -> Int8Settings:
        """How students are brought to 8 bits, whether the report asks for it or a person does."""
        return self.int8 if isinstance(self.int8, Int8Settings) else Int8Settings()

    @property
    def exits(self) -> ExitCounts:
        """How many exits the teacher and all networks have, as far as it is known."""
        return self._exits

    def network_of(self, name: str) -> AnyNetwork:
        """A variant's own network, or the student's."""
        return self.variants[name].network or self.student.network

    def train_of(self, name: str) -> TrainSettings:
        """How a variant's students learn: the student's ``train`` with its own laid over."""
        return self.variants[name].overlaid(self.student.train)

    def place_of(self, train: TrainSettings) -> str:
        """Where the file says so: ``student``, or the first variant whose students learn so."""
        own = (f"variants.{name}" for name in self.variants if self.train_of(name) == train)
        return "student" if train == self.student.train else next(own)

    def trainings(self) -> dict[str, Training]:
        """All that students are trained for, by folder below ``results/<experiment>/``."""
        return folders_of(self.variants, self.student, self.exits)

    def rival(self) -> Training:
        """How plain rivals of the student's network learn: as :func:`plain_distillation` says."""
        kd = plain_distillation(self.variants).model_copy(update={"network": None})
        return trainings_of(kd, self.student, self.exits)[0]

    def taught_by(self) -> dict[str, list[int]]:
        """Of each exit of every variant the teacher's exit that it was trained with."""
        return {
            name: taught_by(trainings_of(variant, self.student, self.exits), self.exits)
            for name, variant in self.variants.items()
        }

    def member_folders(self, name: str) -> list[str]:
        """Where the members of a variant's cascade are trained, in their order."""
        members = trainings_of(self.variants[name], self.student, self.exits)
        whole = {key: one for key, one in self.trainings().items() if key in self.variants}
        return [member_folder(member, whole) for member in members]

    def named(self) -> dict[str, Any]:
        """Every key that results name: all but how trainings do their work.

        Nor that nothing is asked for in 8 bits, that a variant has no ``train`` of its own, nor
        that all its exits imitate: results from before any of it could be say nothing of it. Of a
        given teacher whose file does not say what it gives, they say logits, which is what it is
        taken to give.
        """
        unnamed: dict[str, Any] = {part: {"train": set(UNNAMED)} for part in _TRAINED}
        unnamed["variants"] = {name: _unnamed(one) for name, one in self.variants.items()}
        keys = self.model_dump(exclude=unnamed | {"int8": True})
        if "output" in keys["teacher"]:
            keys["teacher"]["output"] = keys["teacher"]["output"] or "logits"
        return keys | ({"int8": asdict(self.quantisation)} if self.int8 else {})


def _unnamed(variant: Variant) -> dict[str, Any]:
    """What its results do not name, as Pydantic's ``exclude``."""
    without_train = {} if variant.train else {"train": True}
    return without_train | ({"loss": {"kd_exits"}} if variant.loss.kd_exits == "all" else {})


def read_experiment(path: str | Path) -> Experiment:
    """Read and check an experiment file.

    Raises:
        ExperimentError: no such file, not YAML, or a rule is broken, of its name too.
    """
    path = Path(path)
    if not path.exists():
        known = sorted(p.stem for p in path.parent.glob("[!.]*.yaml"))
        raise ExperimentError(
            f"experiment {path.stem!r}: no file {path}; {nearest(path.stem, known)}"
        )
    try:
        check_experiment_file(path)
    except ErdeError as error:
        raise ExperimentError(str(error)) from None
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
    except ErdeError as error:
        raise ExperimentError(f"{name}: {error}") from None
    try:
        return Experiment.model_validate(keys | expanded)
    except ValidationError as error:
        raise ExperimentError(f"{name}: {sentence(error, Experiment)}") from None
