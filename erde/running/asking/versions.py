"""Versions of installed libraries, by the names that one imports or installs them by."""

from importlib import metadata, util


def installed_version(library: str) -> str | None:
    """None where it is not installed.

    Args:
        library: of a distribution (``pillow``), or of what it is imported as (``onnxruntime``,
            which the distribution ``onnxruntime-gpu`` brings too).
    """
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        if util.find_spec(library) is None:
            return None
    names = metadata.packages_distributions().get(library)
    return metadata.version(names[0]) if names else None
