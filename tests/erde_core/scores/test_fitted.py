"""Labels, what a fitted score writes down of itself, and what is refused."""

import copy

import numpy as np
import pytest

from erde_core.scores import SCORES
from erde_core.scores.fitted import LABELS, FittedScore, fit_score, from_fields, needs_fitting
from tests.erde_core.scores.exits import exits


def test_labels():
    bare, tempered = ["entropy", "max_prob", "margin"], ["gate"]
    tempered = [f"{name}_tempered" for name in bare]
    assert list(LABELS) == [*bare, *tempered, "gate"]
    assert [label for label in LABELS if needs_fitting(label)] == [*tempered, "gate"]
    assert [name for name, score in SCORES.items() if score.unit] == ["entropy"]


@pytest.mark.parametrize("first", [0, 3], ids=["four exits", "one exit"])
@pytest.mark.parametrize("label", LABELS)
def test_what_is_written_down_is_the_score(label, first):
    logits, labels = exits("real")
    logits = logits[:, first:]
    score = fit_score(label, logits, labels)
    again = from_fields(score.fields(), 10)
    assert again.label == score.label == label
    assert again.fields() == score.fields()
    assert np.array_equal(again.values(logits), score.values(logits))


def test_a_bare_score_looks_at_no_image():
    assert fit_score("margin", np.full((2, 3, 4), np.nan), np.zeros(2, np.int64)).fields() == {
        "name": "margin",
        "temperatures": None,
        "gate": None,
    }


def damaged(label, **changes):
    fields = copy.deepcopy(fit_score(label, *exits("real")).fields())
    for key, value in changes.items():
        if key in fields:
            fields[key] = value
        else:
            fields["gate"][key] = value
    return fields


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            damaged("entropy", name="surprise"),
            "name must be one of entropy, max_prob, margin, gate,",
        ),
        (damaged("entropy", name="gate"), "gate must be given for the score gate alone, got None"),
        (damaged("gate", name="entropy"), "gate must be given for the score gate alone, got {"),
        (damaged("gate", temperatures=[1.0] * 4), "temperatures must be empty for the score gate"),
        (damaged("margin_tempered", temperatures=[1, 1, 0, 1]), "temperatures must be > 0, got"),
        (
            damaged("margin_tempered", temperatures=[1, np.nan]),
            "temperatures must be finite numbers",
        ),
        (damaged("gate", weights=[[0, 0, 0]]), r"weights must be finite numbers of shape \(3, 3\)"),
        (damaged("gate", scale=[[1, 1, 0]] * 3), "scale must be > 0, got"),
    ],
)
def test_damaged_fields_are_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        from_fields(fields, 10)


def test_bad_input_is_named():
    logits, labels = exits("real")
    with pytest.raises(
        ValueError, match=r"score must be one of 'entropy', 'max_prob', .* got 'gut'"
    ):
        fit_score("gut", logits, labels)
    with pytest.raises(ValueError, match="logits must have 5 classes as the score, got 10"):
        FittedScore("entropy", 5).values(logits)
    tempered = fit_score("entropy_tempered", logits, labels)
    with pytest.raises(ValueError, match="logits must have 4 exits as the temperatures, got 3"):
        tempered.values(logits[:, :3])
    with pytest.raises(ValueError, match=r"labels must have shape \(250,\), got \(9,\)"):
        fit_score("gate", logits, labels[:9])
