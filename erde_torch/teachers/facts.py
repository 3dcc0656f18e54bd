"""What a plan knows of a data set, and what it must know of a teacher. Imports no torch."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Data:
    """The data set that a teacher is to teach.

    Attributes:
        image_shape: (channels, height, width).
        classes: C.
        class_names: in label order; None where only the images could tell.
        train, test: how many images, validation among train; None likewise.
        train_names, test_names: of the files, in the order of the rows of a file of answers; None
            of data sets without files.
    """

    image_shape: tuple[int, int, int]
    classes: int
    class_names: tuple[str, ...] | None = None
    train: int | None = None
    test: int | None = None
    train_names: tuple[str, ...] | None = None
    test_names: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A teacher that has been looked at.

    Attributes:
        exits: E_t.
        counted: whether its multiply-accumulates are known.
        remarks: what whoever runs it should know, a sentence each.
    """

    exits: int
    counted: bool
    remarks: tuple[str, ...] = ()
