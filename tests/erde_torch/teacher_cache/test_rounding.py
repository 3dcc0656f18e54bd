"""What float16 makes of logits: near 0 the nearest number, far from it the differences."""

import numpy as np
import pytest
import torch

from erde_core.loss import erde_loss
from erde_core.settings import method_settings
from erde_torch.teacher_cache.rounding import as_float16, in_float32

N, E, C = 200, 2, 10
RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, C, N)


def rows(lead=0.0, offset=0.0):
    """float32 of a teacher that leads by so much where it is right, around ``offset``."""
    found = np.random.default_rng(1).normal(size=(N, E, C)) * 2
    found[np.arange(N), :, LABELS] += lead
    return torch.from_numpy((found + offset).astype(np.float32))


def second(logits):
    return logits.sort(-1).values[..., -2:-1]


@pytest.mark.parametrize("offset", [0, 30, -87.3, -100])
def test_rows_near_0_keep_their_bits(offset):
    given = rows(offset=offset)
    np.testing.assert_array_equal(as_float16(given), given.half())
    assert (given.half().double() - given.double()).abs().max() <= 1 / 32


def test_the_second_largest_decides_row_by_row():
    """A sure answer and classes of no mass are no reason: the others are compared with each other.

    Nor are logarithms of probabilities of 0, at the smallest that float32 has.
    """
    least = np.log(np.finfo(np.float32).tiny)
    stay = torch.tensor([[500.0, 1, -1], [3, 2, -5000], [0, least, least], [200, 127.9, 1]])
    np.testing.assert_array_equal(as_float16(stay), stay.half())
    move = torch.tensor([[128.0, 128, 1], [-100, -128, -128.5], [900, 130, -5]])
    wanted = [[0.0, 0, -127], [28, 0, -0.5], [770, 0, -135]]
    found = as_float16(torch.cat([stay, move]))
    np.testing.assert_array_equal(found, [*stay.half().tolist(), *wanted])


@pytest.mark.parametrize("lead", [0, 6, 400])
@pytest.mark.parametrize("offset", [200, -200, -20_000, 60_000, -3e5])
def test_far_rows_keep_answers_and_distances(offset, lead):
    given = rows(lead, offset)
    found = as_float16(given)
    assert found.dtype == torch.float16
    np.testing.assert_array_equal(found.float().argmax(-1), given.argmax(-1))
    wanted = (given - second(given)).double()
    missed = (found.double() - second(found.double()) - wanted).abs()
    assert (missed <= 2.0**-11 * wanted.abs()).all()


def test_ties_stay_ties_and_the_least_lead_stays_a_lead():
    step = np.spacing(np.float32(20_000))
    given = torch.tensor([[-20_000, -20_000, -20_001], [-20_000 - step, -20_000, -20_001]])
    assert as_float16(given).float().argmax(-1).tolist() == [0, 1]


@pytest.mark.parametrize("method", ["erde", "kd", "masked_kd", "dkd", "kd_ls"])
@pytest.mark.parametrize("lead", [6, 400])
@pytest.mark.parametrize("offset", [0, -20_000])
def test_no_loss_notices(method, lead, offset):
    """A teacher that is very sure too, of whom decoupled KD reads the other classes."""
    given = rows(lead, offset).numpy().astype(np.float64)
    student = RANDOM.normal(size=(N, E, C))
    settings = method_settings(method)
    found = erde_loss(student, as_float16(rows(lead, offset)).numpy(), LABELS, settings)
    wanted = erde_loss(student, given, LABELS, settings)
    np.testing.assert_allclose(found, wanted, rtol=5e-3, atol=5e-3)


@pytest.mark.parametrize(
    ("row", "size"),
    [
        ([1, 2, np.nan], "nan"),
        ([-300, -300, np.nan], "nan"),
        ([np.inf, 1, 2], "inf"),
        ([1, 2, -np.inf], "inf"),
        ([-300, -310, -np.inf], "inf"),
        ([300, -np.inf, -np.inf], "inf"),
        ([70_000, 1, 2], "70000"),
        ([0, -1, -70_000], "70000"),
        ([-20_000, -20_001, -90_000], "69999"),
    ],
)
def test_what_float16_cannot_hold_is_refused(row, size):
    """All further classes are as the second."""
    whole = torch.tensor([*row, *[row[1]] * (C - 3)]).float()
    given = torch.cat([rows(offset=-500), whole.expand(1, E, C)])
    with pytest.raises(ValueError, match=rf"^teacher logits must be finite .*, got {size}$"):
        as_float16(given)


def test_far_rows_of_bf16_are_refused():
    as_float16(rows(400), "bf16")
    with pytest.raises(ValueError, match=r"^cache.precision must be float32 .*, got bf16$"):
        as_float16(rows(offset=-500).bfloat16().float(), "bf16")


def test_wide_rows_far_from_0_keep_their_distances_in_float32():
    """float32 has steps of 8 at 1e8; what it holds already keeps its bits."""
    wide = RANDOM.normal(size=(N, E, C))
    found = in_float32(wide - 1e8)
    np.testing.assert_allclose(found - second(found), wide - np.sort(wide)[..., -2:-1], atol=1e-6)
    np.testing.assert_array_equal(in_float32(wide), wide.astype(np.float32))
    for narrow in (rows(offset=-20_000).numpy(), rows(offset=-20_000).numpy().astype(">f4")):
        np.testing.assert_array_equal(in_float32(narrow), narrow)
