"""The commands of ``erde`` that have to do with experiments: init, check, run, schema.

Each module has ``add_options(parser)`` and ``run(options) -> exit code``. What only experiments
need (pydantic, PyYAML) is imported when a command runs, so that ``erde predict`` starts without it.
"""
