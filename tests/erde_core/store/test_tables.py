"""Tables keep every digit, refuse what is not theirs, and hold no formula."""

import csv

import numpy as np
import pytest

from erde_core.store.cells import guarded, unguarded
from erde_core.store.files import StoreError
from erde_core.store.tables import Column, Table, read_table, write_table

ROWS = [
    {"variant": "erde", "cost_macs": 1 / 3, "status": None},
    {"variant": 'a "b", c\nd', "cost_macs": np.float64(0.1), "status": "ok"},
]
FRUIT = Table(
    "fruit",
    "a fruit",
    (
        Column("name", str, "its name"),
        Column("count", int, "how many"),
        Column("weight_g", float, "mean, grams", empty=True),
        Column("ripe", bool, "1 if it is"),
        Column("share_exit{exit}", float, "a fraction", empty=True),
        Column("origin", str, "country", absent="unknown"),
    ),
)
APPLE = {"name": "apple", "count": 3, "weight_g": 0.1, "ripe": True}
APPLE |= {"share_exit0": 1 / 3, "share_exit1": None, "origin": "DE"}
FORMULAS = [
    "=1+1",
    "+49 30 1234",
    "-1+2",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "'quoted",
    "''",
    "plain",
    "a=b",
]


def test_round_trip_keeps_every_digit(tmp_path):
    write_table(tmp_path / "new" / "table.csv", ROWS)
    found = read_table(tmp_path / "new" / "table.csv")
    assert [row["variant"] for row in found] == [row["variant"] for row in ROWS]
    assert [float(row["cost_macs"]) for row in found] == [1 / 3, 0.1]
    assert [row["status"] for row in found] == ["", "ok"]


def test_first_line_names_the_columns(tmp_path):
    write_table(tmp_path / "table.csv", ROWS)
    assert (tmp_path / "table.csv").read_bytes().startswith(b"variant,cost_macs,status\n")


@pytest.mark.parametrize("row", [{"variant": "kd"}, ROWS[0] | {"extra": 1}])
def test_rows_of_other_keys_leave_no_file(tmp_path, row):
    with pytest.raises(ValueError, match=r"table.csv: rows must have the keys \['variant', "):
        write_table(tmp_path / "table.csv", [*ROWS, row])
    assert not list(tmp_path.iterdir())


def test_no_rows(tmp_path):
    with pytest.raises(ValueError, match="at least one row"):
        write_table(tmp_path / "table.csv", [])


def test_missing_table_is_named(tmp_path):
    for read in (read_table, FRUIT.read):
        with pytest.raises(StoreError, match=r"absent\.csv: no such table"):
            read(tmp_path / "absent.csv")


def test_cells_come_back_as_they_were(tmp_path):
    rows = [APPLE, APPLE | {"weight_g": None, "ripe": False, "count": -1}]
    FRUIT.write(tmp_path / "fruit.csv", rows)
    found = FRUIT.read(tmp_path / "fruit.csv")
    assert found == rows
    assert [[type(cell) for cell in row.values()] for row in found] == [
        [type(cell) for cell in row.values()] for row in rows
    ]


def test_a_table_without_rows_has_its_columns(tmp_path):
    FRUIT.write(tmp_path / "fruit.csv", [])
    assert (tmp_path / "fruit.csv").read_text() == "name,count,weight_g,ripe,origin\n"
    assert FRUIT.read(tmp_path / "fruit.csv") == []


def test_an_older_file_lacks_a_column_that_was_added(tmp_path):
    older = {key: cell for key, cell in APPLE.items() if key != "origin"}
    FRUIT.write(tmp_path / "fruit.csv", [older])
    assert FRUIT.read(tmp_path / "fruit.csv") == [older | {"origin": "unknown"}]


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"count": 3.0}, "row 2, column count must be a whole number, got 3.0"),
        ({"count": True}, "row 2, column count must be a whole number, got True"),
        ({"count": None}, "row 2, column count must be a whole number, got None"),
        ({"weight_g": float("nan")}, "row 2, column weight_g must be a finite number, got nan"),
        ({"weight_g": "1"}, "row 2, column weight_g must be a finite number, got '1'"),
        ({"ripe": 2}, "row 2, column ripe must be 0 or 1, got 2"),
        ({"name": 5}, "row 2, column name must be a text, got 5"),
        ({"colour": "red"}, "rows must have the columns"),
    ],
)
def test_a_wrong_cell_is_not_written(tmp_path, cells, sentence):
    with pytest.raises(ValueError, match=r"fruit\.csv") as refused:
        FRUIT.write(tmp_path / "fruit.csv", [APPLE, APPLE | cells])
    assert sentence in str(refused.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("apple,3,", "apple,3.5,", "row 1, column count must be a whole number, got '3.5'"),
        ("apple,3,", "apple,,", "row 1, column count must be a whole number, got ''"),
        (",0.1,", ",inf,", "row 1, column weight_g must be a finite number, got 'inf'"),
        (",1,0.3", ",yes,0.3", "row 1, column ripe must be 0 or 1, got 'yes'"),
        (",DE", ",DE,more", "row 1 must have 7 cells, got 8"),
        ("name,", "label,", "must have the columns ['name', 'count', "),
        ("count,", "name,", "the first row must name each column once"),
    ],
)
def test_a_damaged_table_is_refused_in_one_sentence(tmp_path, before, after, sentence):
    FRUIT.write(tmp_path / "fruit.csv", [APPLE])
    text = (tmp_path / "fruit.csv").read_text()
    assert before in text
    (tmp_path / "fruit.csv").write_text(text.replace(before, after, 1))
    with pytest.raises(StoreError, match=r"fruit\.csv") as refused:
        FRUIT.read(tmp_path / "fruit.csv")
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "fruit.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StoreError, match="must be a CSV table in UTF-8"):
        FRUIT.read(tmp_path / "fruit.csv")
    (tmp_path / "fruit.csv").write_bytes(b"")
    with pytest.raises(StoreError, match="the first row must name each column once"):
        FRUIT.read(tmp_path / "fruit.csv")


@pytest.mark.parametrize("text", FORMULAS)
def test_no_spreadsheet_runs_a_cell_as_a_formula(tmp_path, text):
    assert unguarded(guarded(text)) == text
    FRUIT.write(tmp_path / "fruit.csv", [APPLE | {"name": text, "origin": text}])
    with open(tmp_path / "fruit.csv", newline="") as file:
        raw = list(csv.reader(file))[1]
    assert raw[0] == raw[-1]
    assert raw[0][0] not in "=+-@\t\r"
    (row,) = FRUIT.read(tmp_path / "fruit.csv")
    assert (row["name"], row["origin"]) == (text, text)
    write_table(tmp_path / "plain.csv", [{"name": text}])
    assert read_table(tmp_path / "plain.csv") == [{"name": text}]


def test_a_negative_number_stays_a_number(tmp_path):
    FRUIT.write(tmp_path / "fruit.csv", [APPLE | {"weight_g": -0.5}])
    assert ",-0.5," in (tmp_path / "fruit.csv").read_text()
