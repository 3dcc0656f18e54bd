"""Who is judged by which images: bare scores by all, fitted and chosen ones by the other half."""

import numpy as np
import pytest

from erde_core import area_under_curve
from erde_core.outcomes import split_sweep
from erde_core.scores.fitted import LABELS, fit_score, needs_fitting
from erde_core.scores.split import chosen_split, part, scored_split
from erde_core.statistics.halves import validation_halves
from erde_core.store.exit_logits import SplitLogits
from tests.erde_core.scores.exits import MACS, exits

VAL = SplitLogits(*exits("real"), np.arange(250))


@pytest.mark.parametrize("label", LABELS)
def test_only_what_is_fitted_gives_half_away(label):
    found = scored_split(label, VAL)
    assert found.score.label == label
    halves = validation_halves(VAL.labels, VAL.group)
    if not needs_fitting(label):
        assert found.rest is VAL
        compared = scored_split(label, VAL, halve=True)
        assert np.array_equal(compared.rest.group, np.flatnonzero(halves.rest))
        return
    fit = part(VAL, halves.fit)
    assert found.score.fields() == fit_score(label, fit.logits, fit.labels).fields()
    assert np.array_equal(found.rest.group, np.flatnonzero(halves.rest))


def test_what_is_fitted_does_not_depend_on_the_other_half():
    halves = validation_halves(VAL.labels, VAL.group)
    changed = VAL.logits.copy()
    changed[halves.rest] = changed[halves.rest][:, :, ::-1]
    other = SplitLogits(changed, VAL.labels, VAL.group)
    for label in LABELS:
        assert scored_split(label, other).score.fields() == scored_split(label, VAL).score.fields()
    chosen = [chosen_split(LABELS, val, MACS).score.fields() for val in (VAL, other)]
    assert chosen[0] == chosen[1]


def test_the_chosen_score_has_the_largest_area_on_the_fit_half_the_first_of_equals():
    fit = part(VAL, validation_halves(VAL.labels, VAL.group).fit)
    areas = {
        label: area_under_curve(split_sweep(fit, MACS, fit_score(label, fit.logits, fit.labels)))
        for label in LABELS
    }
    found = chosen_split(LABELS, VAL, MACS)
    assert found.score.label == max(areas, key=areas.get)
    assert not np.intersect1d(found.rest.group, fit.group).size
    assert len(found.rest.group) + len(fit.group) == 250
    same = ("margin", "max_prob")
    two = SplitLogits(VAL.logits[:, :, :2], VAL.labels % 2, VAL.group)  # of two classes: one order
    assert chosen_split(same, two, MACS).score.label == "margin"
    assert chosen_split(same[::-1], two, MACS).score.label == "max_prob"


def test_too_few_images_for_both_halves_are_told_in_a_sentence():
    few = part(VAL, np.arange(250) < 199)
    for label in LABELS:
        if needs_fitting(label):
            with pytest.raises(ValueError, match=r"must be at least 200 to fit a score .* got 199"):
                scored_split(label, few)
        else:
            assert scored_split(label, few).rest is few
    with pytest.raises(ValueError, match="labels must name at least one score"):
        chosen_split((), VAL, MACS)
