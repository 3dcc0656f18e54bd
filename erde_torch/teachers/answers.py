"""A teacher that is a file of its answers: one view of each image, and nobody to ask."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from erde_core.errors import ErdeError
from erde_torch.networks.weights import NetworkCard
from erde_torch.teacher_cache.rounding import in_float32
from erde_torch.teachers.adapted import Adaptation
from erde_torch.teachers.classes import order_of
from erde_torch.teachers.facts import Data, Facts
from erde_torch.teachers.file import TeacherFile
from erde_torch.teachers.probabilities import check_output, sum_remarks
from erde_torch.teachers.row_order import check_names, check_unlisted, order_remarks
from erde_torch.teachers.settings import LogitsTeacher

Index = NDArray[np.int64]
_NAMES = {"logits": "names", "test_logits": "test_names"}  # of the rows of each array
_LOOKED_AT = 512  # rows, spread over the file
REMARKS = (
    "the teacher's answers are of one view of each image: students learn without augmentation",
    "multiply-accumulates of a file of answers are not known: budgets are shares of the student's "
    "full cost",
)


class StoredAnswers(nn.Module):
    """Raw logits of the three splits, float32 ``(N, exits, C)`` each; they cannot be asked."""

    train_rows: Tensor
    val_rows: Tensor
    test_rows: Tensor

    def __init__(self, file: TeacherFile) -> None:
        super().__init__()
        outputs = file.adaptation.outputs()
        for name in ("train", "val", "test"):
            self.register_buffer(f"{name}_rows", outputs(file.tensors[name]))

    @property
    def exit_count(self) -> int:
        """E_t."""
        return self.test_rows.shape[1]


def look(teacher: LogitsTeacher, data: Data) -> Facts:
    """What a plan must know of it.

    Raises:
        ValueError: a file is no array, has another length or number of classes than the data set,
            names other images or another order, names none where sorted paths come in another, or
            does not hold what ``output`` says.
    """
    wanted = ((data.train, data.train_names), (data.test, data.test_names))
    found = [
        _checked(teacher, key, data, count, names)
        for key, (count, names) in zip(_NAMES, wanted, strict=True)
    ]
    if found[0].shape[1] != found[1].shape[1]:
        raise ErdeError(
            f"test_logits must have the {found[0].shape[1]} exits of logits, "
            f"got {found[1].shape[1]}"
        )
    if data.class_names is not None:
        order_of(teacher.classes, None, data.class_names)
    sums = [
        check_output(key, rows[:: max(1, len(rows) // _LOOKED_AT)], teacher.output)
        for key, rows in zip(_NAMES, found, strict=True)
    ]
    remarks = (*_remarks(sums), *_unlisted(teacher, data))
    return Facts(exits=found[0].shape[1], counted=False, remarks=remarks)


def bring(
    teacher: LogitsTeacher, card: NetworkCard, data: Data, train: Index, val: Index
) -> tuple[TeacherFile, Facts]:
    """The teacher, as it is read from now on.

    Args:
        card: of the data set that it is to teach.
        data: all that there is to know of that data set.
        train, val: of each image of the split, its place among the rows of ``logits``.

    Raises:
        What :func:`look` raises.
    """
    found = look(teacher, data)
    rows, test = (_array(key, getattr(teacher, key)) for key in ("logits", "test_logits"))
    parts = {"train": rows[train], "val": rows[val], "test": np.array(test)}
    sums = [check_output(name, part, teacher.output) for name, part in parts.items()]
    tensors = {name: in_float32(part) for name, part in parts.items()}
    order = order_of(teacher.classes, None, card.class_names)
    adaptation = Adaptation(order=order, probabilities=teacher.output == "probabilities")
    facts = replace(found, remarks=(*_remarks(sums), *_unlisted(teacher, data)))
    return TeacherFile("logits", card, adaptation, {}, tensors), facts


def load(file: TeacherFile, threads: int) -> StoredAnswers:
    """The answers of a file that :func:`bring` made."""
    return StoredAnswers(file).eval()


def _checked(
    teacher: LogitsTeacher, key: str, data: Data, count: int | None, names: Sequence[str] | None
) -> NDArray[np.floating[Any]]:
    path = getattr(teacher, key)
    rows = _array(key, path)
    if rows.shape[2] != data.classes:
        raise ErdeError(
            f"{key} must have {data.classes} classes like the data set, got {rows.shape[2]} in "
            f"{path}"
        )
    if count is not None and len(rows) != count:
        raise ErdeError(
            f"{key} must have a row for each of the {count} images, got {len(rows)} in {path}"
        )
    listed = getattr(teacher, _NAMES[key])
    if listed is not None:
        check_names(key, listed, names, len(rows))
    elif data.class_names is not None:
        check_unlisted(key, _NAMES[key], data.class_names)
    return rows


def _unlisted(teacher: LogitsTeacher, data: Data) -> Iterator[str]:
    """What to say of rows that come without names."""
    for key, names in (("logits", data.train_names), ("test_logits", data.test_names)):
        if getattr(teacher, _NAMES[key]) is None and names is not None:
            yield from order_remarks(f"the rows of {key}, which come without {_NAMES[key]},", names)


def _remarks(sums: Iterable[float]) -> tuple[str, ...]:
    return (*REMARKS, *sum_remarks(sums))


def _array(key: str, path: str) -> NDArray[np.floating[Any]]:
    """Mapped, ``(N, exits, C)``."""
    if not Path(path).is_file():
        raise ErdeError(f"{key} must be a file, got {path!r}")
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        first = str(error).partition("\n")[0]
        raise ErdeError(f"{key} must be an array in a .npy file, got {path}: {first}") from error
    if not isinstance(found, np.ndarray) or found.dtype.kind != "f" or found.ndim not in (2, 3):
        shape = getattr(found, "shape", type(found).__name__)
        raise ErdeError(
            f"{key} must be floating-point numbers (N, C) or (N, exits, C), "
            f"got {getattr(found, 'dtype', 'something else')} {shape} in {path}"
        )
    return found if found.ndim == 3 else found[:, None]
