"""What looks like probabilities is no logits unless somebody says so, and must sum to 1 if it is.

Answers of a classifier of 100 classes, sure of nine tenths of the images, as files come.
"""

import numpy as np
import pytest

from erde_torch.teachers.probabilities import check_output, sum_remarks

RANDOM = np.random.default_rng(0)
N, C = 2_000, 100
LABELS = RANDOM.integers(0, C, N)
LOGITS = RANDOM.normal(size=(N, C)) + 9 * (np.arange(C) == LABELS[:, None])


def softmax(logits):
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    return odds / odds.sum(-1, keepdims=True)


def one_row_off(rows):
    rows = rows.copy()
    rows[7] *= 1.002
    return rows


def one_row_of_logits(rows):
    rows = rows.copy()
    rows[7] = LOGITS[7]
    return rows


def best_five(rows):
    return np.where(rows >= np.sort(rows)[:, [-5]], rows, 0)


P = softmax(LOGITS)
FLAT = softmax(LOGITS / 3)  # of a network that is hardly sure of anything
LOOKING_LIKE = {
    "softmax": P,
    "3 digits": np.round(P, 3),
    "4 digits in float16": np.round(P, 4).astype(np.float16),
    "one row sums to 1.002": one_row_off(P),
    "one row of logits": one_row_of_logits(P),
    "sigmoid": 1 / (1 + np.exp(-LOGITS)),
    "percentages": 100 * P,
    "percentages without digits": np.round(100 * FLAT),
    "votes of 500 trees": np.round(500 * P),
    "best five": best_five(P),
    "two classes": softmax(LOGITS[:, :2]),
}
LOGITS_ALL_THE_SAME = {
    "logits": LOGITS,
    "logarithms of probabilities": np.log(P),
    "of sums 0": LOGITS - LOGITS.mean(-1, keepdims=True),
    "above 0": LOGITS + 7,
    "a ReLU head": np.maximum(LOGITS, 0),
    "of a sure ReLU head": np.maximum(2 * LOGITS - 9, 0),
    "1,000 positive numbers": np.abs(RANDOM.normal(size=(N, 1_000))) + 1,
    "all alike": np.tile(LOGITS[:1] + 7, (8, 1)),
    "two classes": LOGITS[:, :2],
    "few rows": LOGITS[:3],
    "float16 far from 0": (LOGITS + 300).astype(np.float16),
}


def exits(rows, dtype=np.float32):
    rows = np.asarray(rows)
    return rows.astype(rows.dtype if rows.dtype == np.float16 else dtype)[:, None]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LOOKING_LIKE)
def test_what_looks_like_probabilities_is_refused_unless_the_file_says_logits(name, dtype):
    rows = exits(LOOKING_LIKE[name], dtype)
    rule = r"^logits must give raw logits, got .* say output: logits$"
    with pytest.raises(ValueError, match=rule) as caught:
        check_output("logits", rows, None)
    assert "\n" not in str(caught.value)
    assert check_output("logits", rows, "logits") == 1


def test_the_sentence_names_the_sums():
    with pytest.raises(
        ValueError, match=r"got 100 % of the rows in 0 … 1 \(sums of 0\.\d+ … 0\.\d+\)"
    ):
        check_output("logits", exits(best_five(P)), None)
    with pytest.raises(ValueError, match="without negative numbers that all sum to about 100, "):
        check_output("logits", exits(100 * P), None)


@pytest.mark.parametrize("name", LOGITS_ALL_THE_SAME)
def test_logits_are_taken_without_a_word(name):
    assert check_output("logits", exits(LOGITS_ALL_THE_SAME[name]), None) == 1


def test_one_exit_of_probabilities_is_enough():
    rows = np.stack([LOGITS, P, LOGITS], axis=1)
    with pytest.raises(ValueError, match=r"^logits must give raw logits, got 100 % of the rows"):
        check_output("logits", rows, None)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("rows", "farthest"),
    [
        (P, 0),
        (one_row_off(P), 0.0021),
        (np.round(P, 3), C * 0.0005),
        (np.round(FLAT, 3), C * 0.0005),
        (np.round(FLAT, 4), C * 0.00005),
        (np.round(FLAT * 256) / 256, C / 512),
        (P.astype(np.float16), 0.001),
        (softmax(LOGITS[:, :2]).round(1), 0.1),
    ],
    ids=["exact", "2 ‰", "3", "3, flat", "4, flat", "8 bits", "float16", "1, two classes"],
)
def test_sums_that_rounding_explains_are_taken_and_the_worst_is_said(rows, farthest, dtype):
    given = exits(rows, dtype)
    sums = given.sum(-1, dtype=np.float64)
    found = check_output("logits", given, "probabilities")
    assert abs(found - 1) == pytest.approx(np.abs(sums - 1).max())
    assert abs(found - 1) <= farthest + 1e-6
    said = list(sum_remarks([1.0, found]))
    assert [f"{found:.4f}" in sentence for sentence in said] == [True] * (abs(found - 1) > 1e-3)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (LOGITS, r"got rows in -\d\S+ … \d+\.\d+ with sums of"),
        (1 / (1 + np.exp(-LOGITS)), r"with sums of \d\d\.\d+ … \d\d\.\d+$"),
        (np.round(1 / (1 + np.exp(-LOGITS)), 4), r"with sums of \d\d\.\d+ … \d\d\.\d+$"),
        (100 * P, r"got rows in \S+ … \d\d\.\d+ with sums of 100 … 100$"),
        (
            best_five(FLAT),
            r"\(rounding explains 0\.9961 … 1\.004\), .* with sums of 0\.\d+ … 0\.\d+",
        ),
        (0.99 * P, r"with sums of 0\.99 … 0\.99$"),
        (np.round(softmax(LOGITS / 100), 2) * 0, r"with sums of 0 … 0$"),
        (one_row_of_logits(P), "got rows in -"),
    ],
)
def test_other_sums_are_refused_by_name(rows, said):
    rule = rf"^logits must give probabilities, as output: probabilities says, .*{said}"
    with pytest.raises(ValueError, match=rule):
        check_output("logits", exits(rows), "probabilities")


def test_what_is_not_finite_is_neither():
    rows = exits(np.where(P > 0.5, np.nan, P))
    for output in (None, "logits", "probabilities"):
        with pytest.raises(ValueError, match=r"^logits must give finite numbers, got nan$"):
            check_output("logits", rows, output)
