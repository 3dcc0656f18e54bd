"""The mutants still fit the code that they break; `make mutation` runs them, for minutes."""

from pathlib import Path

import pytest

from tests.mutation.mutants import MUTANTS

REPOSITORY = Path(__file__).parents[1]


@pytest.mark.parametrize("file", MUTANTS)
def test_what_a_mutant_replaces_stands_there(file):
    text = (REPOSITORY / file).read_text(encoding="utf-8")
    assert [old for old, _ in MUTANTS[file] if text.count(old) != 1] == []
