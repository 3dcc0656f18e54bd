"""All tables of an experiment: each has a name, typed columns with units, and one reader."""

from erde.evaluation.tables.comparisons import (
    AREAS,
    BANDS,
    COMPARISON,
    DECISION,
    ENVELOPE,
    INT8,
    OVERALL,
    PER_EXIT,
    RIVALS,
    VALUES,
)
from erde.evaluation.tables.networks import (
    AUDIT,
    CLASSES,
    CONFUSION,
    CURVES,
    EXITS,
    HISTORY,
    LATENCY,
    OPERATING_POINTS,
    PARETO,
    RELIABILITY,
    TEACHER_EXITS,
)
from erde.evaluation.tables.policies import POLICIES, POLICIES_OVERALL

__all__ = [
    "AREAS",
    "AUDIT",
    "BANDS",
    "CLASSES",
    "COMPARISON",
    "CONFUSION",
    "CURVES",
    "DECISION",
    "ENVELOPE",
    "EXITS",
    "HISTORY",
    "INT8",
    "LATENCY",
    "OPERATING_POINTS",
    "OVERALL",
    "PARETO",
    "PER_EXIT",
    "POLICIES",
    "POLICIES_OVERALL",
    "RELIABILITY",
    "RIVALS",
    "STATISTICS",
    "TABLES",
    "TEACHER_EXITS",
    "VALUES",
]

TABLES = {
    table.name: table
    for table in (
        *(PARETO, CURVES, TEACHER_EXITS, DECISION, OPERATING_POINTS, PER_EXIT, BANDS, AREAS),
        *(COMPARISON, OVERALL, AUDIT, CLASSES, CONFUSION, EXITS, RELIABILITY, RIVALS, LATENCY),
        *(INT8, ENVELOPE, VALUES, HISTORY, POLICIES, POLICIES_OVERALL),
    )
}
# What the rule statistics writes.
STATISTICS = (
    *(DECISION, OPERATING_POINTS, PER_EXIT, BANDS, AREAS, COMPARISON, OVERALL, AUDIT),
    *(CLASSES, CONFUSION, EXITS, RELIABILITY),
)
