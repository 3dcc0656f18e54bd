"""What a report is made from."""

from collections.abc import Mapping
from dataclasses import dataclass

from erde.evaluation.pareto import Students
from erde.evaluation.rows import Rows
from erde_core.images import ImageDataset
from erde_core.store.exit_logits import ExitLogits


@dataclass(frozen=True)
class Source:
    """What a report is made from.

    Attributes:
        experiment: its name.
        methods: of each variant, by name.
        rows: of the tables, by name; rivals and latency are empty where they were not asked for.
        teacher, students: exit logits.
        dataset: for the pictures and class names.
        behind: text by title: configuration, versions and so on.
    """

    experiment: str
    methods: Mapping[str, str]
    rows: Mapping[str, Rows]
    teacher: ExitLogits
    students: Students
    dataset: ImageDataset
    behind: Mapping[str, str]
