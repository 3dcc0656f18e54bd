"""How teacher and students are trained: settings, defaults, ranges. Imports no torch."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import NDArray

from erde_core.crops import KERNEL, CropSettings
from erde_core.errors import ErdeError
from erde_core.fields import SEEDS, STRICT_KEYS, FromMapping, OneSentence, check_fields
from erde_core.views import all_views, chosen_views
from erde_torch.networks.settings import NetworkSettings

_MOST_OF_FIRST = 0.05  # of an average of the weights, what those of the first step may have in it
_LARGEST_ADAMW_RATE = 0.02  # beyond it lies what was meant for SGD, whose default is 0.1
MOST_THREADS = 1024  # more than a machine has cores; PyTorch would start every one of them
UNNAMED = ("graph", "processes")  # settings of a training that no result names
ENDLESS = 2**31  # views of crops that a teacher draws from; it never sees one twice


@dataclass(frozen=True, kw_only=True)
class AugmentSettings:
    """Pad by ``pad`` pixels, crop back, and mirror if ``flip``: a finite orbit of views.

    Attributes:
        crops: instead of ``pad``: parts of the image, scaled, of which there is no end.
        colour: with ``crops``: brightness, contrast and saturation vary by up to this share.

    Raises:
        ValueError: a field breaks its rule.
    """

    __pydantic_config__ = STRICT_KEYS

    pad: Annotated[int, Ge(0), Le(16)] = 4
    flip: bool = True
    pad_mode: Literal["zero", "reflect"] = "zero"
    crops: Annotated[CropSettings, FromMapping()] | None = None
    colour: Annotated[float, Ge(0), Lt(1)] = 0.0

    def __post_init__(self) -> None:
        check_fields(self)
        if self.colour and self.crops is None:
            raise ErdeError(f"colour must be 0 without crops, got {self.colour}")

    @classmethod
    def of(cls, keys: Mapping[str, Any]) -> Self:
        """From plain data."""
        crops = keys.get("crops")
        return cls(**{**keys, "crops": CropSettings(**_tuples(crops)) if crops else None})

    @property
    def orbit(self) -> int:
        """The number of views; of crops, as many as a teacher may draw from."""
        return ENDLESS if self.crops else len(all_views(self.pad, self.flip))

    def view_table(self, count: int | None) -> NDArray[np.int64]:
        """The first ``count`` views (all, for None) as rows (dy, dx, flip).

        With crops a row is (v, 0, 0): what view v shows is another part of each image.

        Raises:
            ValueError: there are not so many, or crops without a count.
        """
        if self.crops is None:
            return chosen_views(self.pad, self.flip, count)
        if count is None or not 1 <= count <= ENDLESS:
            raise ErdeError(f"views of crops must be a number 1 … {ENDLESS}, got {count}")
        numbers: NDArray[np.int64] = np.arange(count)[:, None] * np.array([1, 0, 0])
        return numbers

    def described(self, count: int | None) -> str:
        """The views in words: enough to make them again."""
        flip = "flip" if self.flip else "no flip"
        if self.crops is None:
            return f"{count or self.orbit} of {self.orbit} (pad {self.pad}, {flip})"
        crops = self.crops
        return (
            f"{count} recorded crops (scale {crops.scale}, ratio {crops.ratio}, seed {crops.seed}, "
            f"{flip}, colour {self.colour}, {KERNEL})"
        )


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """One training: optimiser, schedule and how the work is shared.

    Attributes:
        optimiser: ``sgd`` with Nesterov momentum, or ``adamw`` (Loshchilov and Hutter, 2019, arXiv
            1711.05101) with ``momentum`` as β₁ and 0.999 as β₂. No weight decay on norms and
            biases.
        ema_decay: above 0, the result is the moving average of the weights, which begins with those
            of the first step; see :meth:`check_average`.
        gradient_scaling: ``equilibrium`` divides the gradient of each stage by the number of exits
            behind it that learn (Li et al., 2019, arXiv 1908.06294); ``none`` leaves the sum over
            exits. AdamW has no use for it.
        kd_warmup: epochs over which ``kd_weight`` rises linearly from 0; of a student alone.
        class_weights: ``balanced`` weighs the cross-entropy of an image by N / (C · its class's
            images), so that every class counts the same.
        compile: network and loss as one graph each; a minute to build.
        graph: the whole step as one CUDA graph, which is checked against the uncaptured step
            before it is used and gives its bits, both by kernels that repeat theirs; without it
            cuDNN may choose others. ``auto``: on a GPU, without ``compile``, in one process. As
            ``processes``, it is not named by results and checkpoints.
        threads: on the CPU, of each process; ``auto`` leaves it to whoever runs the training. The
            bits depend on it.
        processes: how the work is shared, not what is learned: results and checkpoints do not
            name it.

    Raises:
        ErdeError: a field breaks its rule, or the processes cannot share a batch.
    """

    __pydantic_config__ = STRICT_KEYS

    epochs: Annotated[int, Ge(1), Le(1_000_000)]
    batch_size: Annotated[int, Ge(2)] = 128
    optimiser: Literal["sgd", "adamw"] = "sgd"
    learning_rate: Annotated[float, Gt(0), Le(100)] = 0.1
    schedule: Literal["one_cycle", "cosine"] = "one_cycle"
    warmup: Annotated[float, Ge(0), Lt(1)] = 0.2
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.9
    weight_decay: Annotated[float, Ge(0), Le(100)] = 5e-4
    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    ema_decay: Annotated[float, Ge(0), Lt(1)] = 0.0
    gradient_scaling: Literal["none", "equilibrium"] = "none"
    kd_warmup: Annotated[float, Ge(0)] = 0.0
    precision: Literal["auto", "float32", "bf16"] = "auto"
    compile: bool = False
    graph: Annotated[bool | str, OneSentence()] = False
    threads: Annotated[int | str, OneSentence()] = "auto"
    processes: Annotated[int, Ge(1)] = 1

    def __post_init__(self) -> None:
        check_fields(self)
        own = self.threads
        if own != "auto" and not (type(own) is int and 1 <= own <= MOST_THREADS):
            raise ErdeError(
                f"threads must be 'auto' or a whole number 1 … {MOST_THREADS}, got {own!r}"
            )
        if self.optimiser == "adamw" and self.learning_rate > _LARGEST_ADAMW_RATE:
            raise ErdeError(
                f"learning_rate must be at most {_LARGEST_ADAMW_RATE} with optimiser 'adamw' "
                f"(0.001 is usual), got {self.learning_rate}"
            )
        if self.optimiser == "adamw" and self.gradient_scaling != "none":
            raise ErdeError(
                "gradient_scaling must be 'none' with optimiser 'adamw', whose steps are the same "
                f"for a gradient times any constant, got {self.gradient_scaling!r}"
            )
        if self.kd_warmup > self.epochs:
            raise ErdeError(
                f"kd_warmup must be at most epochs ({self.epochs}), got {self.kd_warmup}"
            )
        if type(self.graph) is not bool and self.graph != "auto":
            raise ErdeError(f"graph must be true, false or 'auto', got {self.graph!r}")
        if self.graph is True and self.compile:
            raise ErdeError("graph must be false with compile, got true for both")
        if self.graph is True and self.processes > 1:
            raise ErdeError(
                f"graph must be false with several processes, got true for {self.processes}"
            )
        share, rest = divmod(self.batch_size, self.processes)
        if rest or share < 2:  # batch norm needs two images
            raise ErdeError(
                "batch_size must be a multiple of processes, with at least 2 images for each, "
                f"got {self.batch_size} for {self.processes} processes"
            )

    def threads_of(self, given: int) -> int:
        """CPU threads of each process: as set, or with ``auto`` those that are ``given``."""
        return given if self.threads == "auto" else int(self.threads)

    def check_average(self, steps_per_epoch: int, place: str = "") -> None:
        """Refuse an ``ema_decay`` for which there are too few steps.

        Args:
            steps_per_epoch: batches of an epoch.
            place: what stands before the key in the file.

        Raises:
            ErdeError: the average would hold more than 5 % of the weights after the first step,
                which are as good as random.
        """
        steps = self.epochs * steps_per_epoch
        if self.ema_decay**steps > _MOST_OF_FIRST:
            most = math.floor(1e4 * _MOST_OF_FIRST ** (1 / steps)) / 1e4
            raise ErdeError(
                f"{place}ema_decay must be at most {most:g} for {steps} steps, or the average of "
                f"the weights holds more than {_MOST_OF_FIRST:.0%} of those of the first step, "
                f"got {self.ema_decay:g}"
            )


@dataclass(frozen=True, kw_only=True)
class StudentSettings:
    """The cheap network, trained once per variant and seed."""

    __pydantic_config__ = STRICT_KEYS

    network: Annotated[NetworkSettings, FromMapping()] = NetworkSettings(name="resnet10")
    train: Annotated[TrainSettings, FromMapping()]

    def __post_init__(self) -> None:
        if self.train.label_smoothing:
            raise ErdeError("train.label_smoothing must be 0 for the student: it has no such term")

    @classmethod
    def of(cls, keys: Mapping[str, Any]) -> Self:
        """From :func:`learned`."""
        return cls(**_parts(keys))


@dataclass(frozen=True, kw_only=True)
class TeacherSettings:
    """The accurate network, trained with cross-entropy at every exit."""

    __pydantic_config__ = STRICT_KEYS

    network: Annotated[NetworkSettings, FromMapping()] = NetworkSettings(name="resnet34")
    train: Annotated[TrainSettings, FromMapping()]
    folds: Annotated[int, Ge(1), Le(20)] = 1
    seed: Annotated[int, Ge(0), Lt(SEEDS)] = 0

    def __post_init__(self) -> None:
        check_fields(self)
        if self.train.kd_warmup:
            raise ErdeError("train.kd_warmup must be 0 for the teacher: it has no such term")

    @property
    def threads(self) -> int | str:
        """Cores with which it is asked, once it is trained."""
        return self.train.threads

    @classmethod
    def of(cls, keys: Mapping[str, Any]) -> Self:
        """From :func:`learned`."""
        return cls(**_parts(keys))


def learned(settings: TeacherSettings | StudentSettings) -> dict[str, Any]:
    """What decides the weights, as plain data: all but how the work is done."""
    keys = dataclasses.asdict(settings)
    for name in UNNAMED:
        del keys["train"][name]
    return keys


def _tuples(keys: Mapping[str, Any]) -> dict[str, Any]:
    # Plain data has lists where the settings have tuples.
    return {name: tuple(v) if isinstance(v, list) else v for name, v in keys.items()}


def _parts(keys: Mapping[str, Any]) -> dict[str, Any]:
    network, train = NetworkSettings(**keys["network"]), TrainSettings(**keys["train"])
    return {**keys, "network": network, "train": train}
