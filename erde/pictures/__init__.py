"""The pictures, drawn by matplotlib on figures of their own, whatever the user has set for it."""

import os

# matplotlib refuses an MPLBACKEND that it does not know as soon as it is imported, though a figure
# of our own needs no backend.
_wanted = os.environ.pop("MPLBACKEND", None)
try:
    import matplotlib  # noqa: F401  so that it has been imported before any module below asks
finally:
    if _wanted is not None:
        os.environ["MPLBACKEND"] = _wanted
