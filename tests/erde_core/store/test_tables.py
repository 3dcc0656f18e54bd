import numpy as np
import pytest

from erde_core.store.files import StoreError
from erde_core.store.tables import read_table, write_table

ROWS = [
    {"variant": "erde", "cost_macs": 1 / 3, "status": None},
    {"variant": 'a "b", c\nd', "cost_macs": np.float64(0.1), "status": "ok"},
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
    with pytest.raises(StoreError, match=r"absent\.csv: no such table"):
        read_table(tmp_path / "absent.csv")
