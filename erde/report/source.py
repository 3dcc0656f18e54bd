"""What a report is made from."""

from collections.abc import Mapping
from dataclasses import dataclass

from erde.evaluation.pareto import Students
from erde.report.charts import Table
from erde_core.images import ImageDataset
from erde_core.store.exit_logits import ExitLogits


@dataclass(frozen=True)
class Source:
    """What a report is made from.

    Attributes:
        experiment: its name.
        methods: of each variant's label.
        csv: tables by name: bands, areas, comparison, overall, operating_points, per_exit, audit,
            classes, exits, reliability, teacher, rivals (empty where they were not trained),
            latency (empty where nothing was timed).
        teacher, students: exit logits.
        dataset: for the pictures and class names.
        behind: text by title: configuration, versions and so on.
    """

    experiment: str
    methods: Mapping[str, str]
    csv: Mapping[str, Table]
    teacher: ExitLogits
    students: Students
    dataset: ImageDataset
    behind: Mapping[str, str]
