"""Rows of a file of answers that come without names: whose they may be."""

from dataclasses import replace

import pytest

from erde_torch.teachers.answers import REMARKS, look
from erde_torch.teachers.row_order import order_remarks
from tests.erde_torch.teachers.test_answers import DATA


def test_rows_that_sorted_paths_give_to_other_images_need_names(files):
    """' ' sorts before '/': of sorted paths bell pepper comes first."""
    ours = [f"train/{name}/{n}.png" for name in ("bell", "bell pepper") for n in (1, 2, 3)]
    test = [f"test/{name}/1.png" for name in ("bell", "bell pepper")]
    names = ("bell", "bell pepper")
    data = replace(DATA, class_names=names, train_names=tuple(ours), test_names=tuple(test))
    rule = (
        r"^names must be given, as sorted paths come in another order than logits: class by class, "
        r"'bell' comes before 'bell pepper', but 'bell pepper/…' before 'bell/…'$"
    )
    with pytest.raises(ValueError, match=rule):
        look(files(), data)
    plan = replace(data, train_names=None, test_names=None)  # which knows no names of files then
    with pytest.raises(ValueError, match=rule):
        look(files(), plan)
    with pytest.raises(ValueError, match=r"^test_names must be given, .* than test_logits: "):
        look(files(names=ours), data)
    assert look(files(names=ours, test_names=test), data).remarks == REMARKS
    with pytest.raises(ValueError, match=r"^logits must have the images class by class"):
        look(files(names=sorted(ours), test_names=test), data)
    other = replace(plan, class_names=("bell", "bell1"))  # '/' sorts before '1'
    assert look(files(), other).exits == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ant/10.png", "ant/2.png"),
        ("ant/img10.png", "ant/img9.png"),
        ("ant/B.png", "ant/a.png"),
        ("Zebra/1.png", "ant/1.png"),
        ("1/1.png", "10/1.png"),
    ],
)
def test_rows_that_others_sort_otherwise_are_warned_of(first, second, files):
    names = tuple(f"train/{name}" for name in (first, second))
    data = replace(DATA, train=2, train_names=names)
    said = look(files(rows=(2, 2)), data).remarks[len(REMARKS) :]
    start = "warning: the rows of logits, which come without names, are taken to be sorted "
    assert len(said) == 1
    assert said[0].startswith(start)
    assert f"{names[0]!r} before {names[1]!r}" in said[0]
    assert look(files(rows=(2, 2), names=names), data).remarks == REMARKS


def test_order_remarks_of_names_that_all_sort_alike():
    assert not list(order_remarks("classes", ("1", "2", "a 1", "a 2", "a-b", "ant", "x09", "x10")))
