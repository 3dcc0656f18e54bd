"""The easiest and the hardest test images of each exit, as pictures inside the page."""

import base64
import io

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from erde.evaluation.choice import threshold_for_drop
from erde.evaluation.tables.rows import Rows, distinct, where
from erde.experiment.names import name_of, shown_variant
from erde.report.html import render
from erde.report.section import Section
from erde.report.sections.audit import REFERENCE
from erde.report.source import Source
from erde_core.images import ImageDataset
from erde_core.outcomes import outcomes
from erde_core.scores.scored_logits import ScoredLogits
from erde_core.softmax import entropy
from erde_core.store.tables import Row

SHOWN = 6
_BODY = """
<p>Of {{ name }}, seed {{ seed }}, at its own θ: {{ reference }}.</p>
{{ pictures }}
"""
_PICTURES = """
{% for title, figures in groups.items() %}
<h3>{{ title }}</h3>
<div class="pictures">
{% for figure in figures %}
<figure><img src="{{ figure.url }}" alt="test image {{ figure.index }}: {{ figure.label }}">
<figcaption>
{%- if figure.label == figure.answer %}✓ {{ figure.answer }}{% else -%}
✗ {{ figure.answer }}, is {{ figure.label }}{% endif %}<br>{{ figure.nats }} nats</figcaption>
</figure>
{% endfor %}
</div>
{% endfor %}
"""


def examples_section(source: Source) -> Section:
    """The section, of the first network of the variant that is shown."""
    shown = shown_variant(source.methods)
    (variant, seed), student = next(s for s in source.students.items() if s[0][0] == shown)
    rows = example_rows(source.dataset, student, threshold_for_drop(student))
    pictures = pictures_html(source.dataset, rows)
    body = render(_BODY, name=name_of(variant), seed=seed, reference=REFERENCE, pictures=pictures)
    return Section("The easiest and the hardest images", body)


def example_rows(dataset: ImageDataset, student: ScoredLogits, threshold: float) -> list[Row]:
    """Per exit, the images that leave there with the lowest and the highest entropy.

    Returns:
        one row per picture: ``exit``, ``kind`` (easiest, hardest), ``index`` into the test split,
        ``entropy_nats``, ``label`` and ``answer`` (class indices).
    """
    _, _, exits = outcomes(student.test, threshold, student.score)
    h, answers = entropy(student.test.logits), student.test.logits.argmax(axis=2)
    rows: list[Row] = []
    for e in range(h.shape[1]):
        here = np.flatnonzero(exits == e)
        here = here[np.argsort(h[here, e], kind="stable")]
        shown = min(SHOWN, len(here) // 2)  # no image is both
        kinds = (("easiest", here[:shown]), ("hardest", here[::-1][:shown]))
        rows += [
            {"exit": e, "kind": kind, "index": int(n), "entropy_nats": float(h[n, e])}
            | {"label": int(dataset.test.labels[n]), "answer": int(answers[n, e])}
            for kind, chosen in kinds
            for n in chosen
        ]
    return rows


def pictures_html(dataset: ImageDataset, rows: Rows) -> Markup:
    """The rows of :func:`example_rows` as figures, grouped by exit and kind."""
    groups = {
        f"Exit {e}, {kind}": [_figure(dataset, row) for row in where(rows, exit=e, kind=kind)]
        for e, kind in distinct(rows, "exit", "kind")
    }
    return render(_PICTURES, groups=groups)


def _figure(dataset: ImageDataset, row: Row) -> Row:
    names = {key: dataset.class_names[row[key]] for key in ("label", "answer")}
    shown = {"index": row["index"], "nats": f"{row['entropy_nats']:.3f}"}
    return names | shown | {"url": _data_url(dataset.test.images[row["index"]])}


def _data_url(image: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
