"""The report's sections in their order: a file each, and an entry in this table."""

from collections.abc import Callable

from erde.report.section import Section
from erde.report.sections.audit import audit_section
from erde.report.sections.behind import behind_section
from erde.report.sections.calibration import calibration_section
from erde.report.sections.classes import classes_section
from erde.report.sections.decision import decision_section
from erde.report.sections.differences import differences_section
from erde.report.sections.envelope import envelope_section
from erde.report.sections.examples import examples_section
from erde.report.sections.explorer import explorer_section
from erde.report.sections.int8 import int8_section
from erde.report.sections.latency import latency_section
from erde.report.sections.policies import policies_section
from erde.report.sections.rivals import rivals_section
from erde.report.sections.thresholds import thresholds_section
from erde.report.source import Source

# A section that a report does not have is None.
SECTIONS: dict[str, Callable[[Source], Section | None]] = {
    "decision": decision_section,
    "explorer": explorer_section,
    "envelope": envelope_section,
    "rivals": rivals_section,
    "differences": differences_section,
    "thresholds": thresholds_section,
    "policies": policies_section,
    "int8": int8_section,
    "latency": latency_section,
    "audit": audit_section,
    "calibration": calibration_section,
    "classes": classes_section,
    "examples": examples_section,
    "behind": behind_section,
}
