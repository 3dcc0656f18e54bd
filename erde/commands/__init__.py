"""The commands of ``erde`` that have to do with experiments: init, check, run, schema.

Each module has ``add_options(parser)`` and ``run(options) -> exit code``. What only experiments
need (pydantic, PyYAML) is imported when a command runs, so that ``erde predict`` starts without it.
"""

from erde.commands import check, init, run, schema

COMMANDS = {
    "init": (init, "look at a folder of images, and write an experiment file for it"),
    "check": (check, "read an experiment file, and say what would be trained"),
    "run": (run, "compute an experiment's picture, report or deployment (in a clone)"),
    "schema": (schema, "the JSON schema of experiment files, for editors"),
}
