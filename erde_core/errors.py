"""Errors that speak to a user, and what they say of a library that is missing."""

from collections.abc import Iterable
from importlib.util import find_spec

# Of libraries that more than one extra brings, whoever misses one knows better.
EXTRAS = {"onnx": "export", "onnxscript": "export", "onnxruntime": "export", "timm": "timm"}


class ErdeError(ValueError):
    """Something that the user can set right; the message is one sentence that says what.

    A job or a command that ends with it prints the sentence alone; any other error is a mistake of
    the program, and its traceback is kept. What a deployment carries along (``ImageError``,
    ``ManifestError``, the errors of ``run.py``) works without this package, and derives from
    ``ValueError`` alone.
    """


def check_installed(who: str, libraries: Iterable[str]) -> None:
    """Nothing, if all ``libraries`` are there.

    Args:
        who: needs them; the error begins with it.
        libraries: names as of ``import``.

    Raises:
        ValueError: the first that is missing, and the extra that brings it.
    """
    for name in libraries:
        if find_spec(name) is None:
            raise ErdeError(f"{who} needs {name}: pip install '{extra_with(name)}'")


def extra_with(library: str, otherwise: str = "") -> str:
    """What to install for ``library``: the project with an extra, or else the library itself."""
    extra = EXTRAS.get(library, otherwise)
    return f"erde[{extra}]" if extra else library
