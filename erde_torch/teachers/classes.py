"""Whose class is whose: a teacher's order of the classes, and ours. Imports no torch."""

from pathlib import Path

from erde_core.errors import ErdeError


def order_of(
    path: str | None, own: tuple[str, ...] | None, ours: tuple[str, ...]
) -> tuple[int, ...] | None:
    """Of each of our classes, its place in the teacher's answer; None where nobody says.

    Args:
        path: of a file with the names of its classes, one a line in its order.
        own: the same, where the teacher's own file says it.
        ours: of the data set, in label order.

    Raises:
        ValueError: the file cannot be read, or its names are not those of the data set.
    """
    names = own if path is None else _lines(path)
    if names is None:
        return None
    source = "trained" if path is None else f"classes ({path})"
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ErdeError(f"{source} must name each class once, got {twice!r} twice")
    unknown, missing = set(names) - set(ours), set(ours) - set(names)
    if unknown or missing:
        shown = ", ".join(
            f"{word} {sorted(found)[0]!r}"
            for word, found in (("unknown", unknown), ("missing", missing))
            if found
        )
        raise ErdeError(
            f"{source} must name the {len(ours)} classes of the data set, got {len(names)} names: "
            f"{shown}"
        )
    return tuple(names.index(name) for name in ours)


def _lines(path: str) -> tuple[str, ...]:
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise ErdeError(f"classes must be a file of names, got {path!r}: {why}") from None
    return tuple(line.strip() for line in text.splitlines() if line.strip())
