"""The easiest and the hardest test images of each exit, as pictures inside the page."""

import base64
import html
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from erde_core.images import ImageDataset
from erde_core.outcomes import outcomes
from erde_core.softmax import entropy
from erde_core.store.exit_logits import ExitLogits

SHOWN = 6


def example_rows(dataset: ImageDataset, student: ExitLogits, threshold: float) -> list[dict]:
    """Per exit, the images that leave there with the lowest and the highest entropy.

    Returns:
        one dict per picture: ``exit``, ``kind`` (easiest, hardest), ``index`` into the test split,
        ``entropy_nats``, ``label`` and ``answer`` (class indices).
    """
    _, _, exits = outcomes(student.test, threshold)
    h, answers = entropy(student.test.logits), student.test.logits.argmax(axis=2)
    rows = []
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


def pictures_html(dataset: ImageDataset, rows: list[dict]) -> str:
    """The rows of :func:`example_rows` as figures, grouped by exit and kind."""
    groups: dict[tuple[int, str], list[str]] = {}
    for row in rows:
        groups.setdefault((row["exit"], row["kind"]), []).append(_figure(dataset, row))
    return "".join(
        f'<h3>Exit {e}, {kind}</h3><div class="pictures">{"".join(figures)}</div>'
        for (e, kind), figures in groups.items()
    )


def _figure(dataset: ImageDataset, row: dict) -> str:
    label, answer = (html.escape(dataset.class_names[row[k]]) for k in ("label", "answer"))
    verdict = f"✓ {answer}" if row["label"] == row["answer"] else f"✗ {answer}, is {label}"
    return (
        f'<figure><img src="{_data_url(dataset.test.images[row["index"]])}" '
        f'alt="test image {row["index"]}: {label}"><figcaption>{verdict}<br>'
        f"{row['entropy_nats']:.3f} nats</figcaption></figure>"
    )


def _data_url(image: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
