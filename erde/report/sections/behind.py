"""What is behind the report: configuration, versions, hashes."""

from erde.report.html import render
from erde.report.section import Section
from erde.report.source import Source

_BODY = """
{% for title, text in behind.items() %}
<h3>{{ title }}</h3>
<pre tabindex="0">{{ text }}</pre>
{% endfor %}
"""


def behind_section(source: Source) -> Section:
    """The section, one heading per text."""
    return Section("What is behind it", render(_BODY, behind=source.behind))
