"""What a section of the report is."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from markupsafe import Markup

from erde.report.charts import Chart


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it.

    Attributes:
        title: the heading.
        body: HTML; holds a place for each of ``charts``, by its id.
        charts: what the page draws there.
    """

    title: str
    body: Markup
    charts: Mapping[str, Chart] = field(default_factory=dict)
