"""What a report is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from erde.evaluation.pareto import Students, in_float32
from erde.evaluation.tables.rows import Rows
from erde_core.images import ImageDataset
from erde_core.store.exit_logits import ExitLogits


@dataclass(frozen=True)
class Source:
    """What a report is made from.

    Attributes:
        experiment: its name.
        methods: of each variant, by name.
        rows: of the tables, by name; rivals, latency and int8 are empty where they were not asked
            for.
        teacher, networks: exit logits; networks are the students and their twins in 8 bits.
        dataset: for the pictures and class names.
        behind: text by title: configuration, versions and so on.
        own_train: of each variant that has a ``train`` of its own, what differs, in words.
    """

    experiment: str
    methods: Mapping[str, str]
    rows: Mapping[str, Rows]
    teacher: ExitLogits
    networks: Students
    dataset: ImageDataset
    behind: Mapping[str, str]
    own_train: Mapping[str, str] = field(default_factory=dict)

    @property
    def students(self) -> Students:
        """The networks as they were trained, in float32."""
        return in_float32(self.networks)
