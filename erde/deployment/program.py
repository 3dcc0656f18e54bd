"""What of this package a deployment carries along, so that it runs without it."""

from pathlib import Path

from erde.datasets import image_file
from erde.deployment import pillow_version, processor, runner
from erde_core import watch
from erde_core.store import cells, int8, manifest, manifest_rules

# The name in the deployment, and the file that is copied there.
PROGRAM_FILES = {
    "run.py": Path(runner.__file__),
    "image_reader.py": Path(image_file.__file__),
    "manifest.py": Path(manifest.__file__),
    "manifest_rules.py": Path(manifest_rules.__file__),
    "pillow_version.py": Path(pillow_version.__file__),
    "cells.py": Path(cells.__file__),
    "watch.py": Path(watch.__file__),
}
INT8_PROGRAM_FILES = PROGRAM_FILES | {
    "int8.py": Path(int8.__file__),
    "processor.py": Path(processor.__file__),
}
