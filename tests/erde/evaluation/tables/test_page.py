"""The tables: what is committed reads and writes to the byte, and the docs name no other."""

import re
from pathlib import Path

import pytest

from erde.evaluation.choice import theta_of
from erde.evaluation.tables import STATISTICS, TABLES
from erde.evaluation.tables.page import tables_page
from tests.erde.report.sources import source

REPOSITORY = Path(__file__).parents[4]
PUBLISHED = [
    path for path in sorted(REPOSITORY.glob("docs/results/*/*.csv")) if path.stem in TABLES
]
# Of erde predict and of the user's own.
OTHERS = {"answers", "groups"}
WITH_THETA = ("ok", "saturated")


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_published_tables_are_read_and_written_to_the_byte(path, tmp_path):
    table = TABLES[path.stem]
    names = path.read_text(encoding="utf-8").split("\n", 1)[0].split(",")
    rows = table.read(path)
    assert rows
    table.write(tmp_path / path.name, [{name: row[name] for name in names} for row in rows])
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()


@pytest.fixture(scope="module")
def rows():
    return source(int8=True).rows


@pytest.mark.parametrize("name", sorted(set(TABLES) - {"curves", "values", "history", "policies"}))
def test_what_is_computed_is_what_its_table_says(rows, name, tmp_path):
    TABLES[name].write(tmp_path / "table.csv", rows[name])
    # Columns of other scores than the entropy are not in the file, and read as what they then are.
    added = {c.name: c.absent for c in TABLES[name].columns if not c.required}
    assert TABLES[name].read(tmp_path / "table.csv") == [added | row for row in rows[name]]


GIVEN = {  # of each table with a status: a cell that depends on θ
    "pareto": "test_accuracy",
    "decision": "test_accuracy",
    "operating_points": "test_accuracy",
    "per_exit": "each_accuracy",
    "int8": "int8_accuracy",
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_status_leaves_the_cells_empty_that_its_column_says(rows, name):
    (meaning,) = (c.meaning for c in TABLES[name].columns if c.name == "status")
    with_theta = ("ok",) if "empty unless it is `ok`" in meaning else WITH_THETA
    found = {row["status"] for row in rows[name]}
    assert "ok" in found
    for row in rows[name]:
        assert f"`{re.sub(r'[0-9]+', 'n', row['status'])}`" in meaning
        assert (row[GIVEN[name]] is not None) == (row["status"] in with_theta)
    assert ("`needs n images`" in meaning) == (name == "operating_points")


def test_a_column_that_a_file_may_lack_says_so():
    rows = source(seeds=(0,), latency=False).rows  # of entropy, in float32
    lacking = {
        column.name
        for name, found in rows.items()
        if found  # int8.csv and latency.csv are not there
        for column in TABLES[name].columns
        if "{" not in column.name and column.name not in found[0]
    }
    columns = [column for table in TABLES.values() for column in table.columns]
    said = {column.name for column in columns if "column is absent" in column.meaning}
    assert lacking == said == {"precision", "score", "threshold"}


def test_another_score_stands_in_every_row_with_its_threshold(tmp_path):
    rows = source(seeds=(0,), latency=False, label="margin").rows
    for name in ("pareto", "decision", "operating_points", "audit", "classes", "confusion"):
        TABLES[name].write(tmp_path / "table.csv", rows[name])
        for row in TABLES[name].read(tmp_path / "table.csv"):
            assert (row["score"], row["threshold_nats"]) == ("margin", None)
            assert (row["threshold"] is None) == (row.get("status", "ok") not in WITH_THETA)
    assert {row["score"] for row in rows["comparison"]} == {"margin"}


def test_an_old_file_is_one_of_entropies():
    row = TABLES["pareto"].read(REPOSITORY / "docs/results/reduced_digits/pareto.csv")[0]
    assert (row["score"], row["threshold"]) == ("entropy", None)
    assert theta_of(row) == row["threshold_nats"]


def test_the_page_of_tables_is_current():
    page = (REPOSITORY / "docs/tables.md").read_text(encoding="utf-8")
    assert page == tables_page(), "python -m erde.evaluation.tables.page > docs/tables.md"


@pytest.mark.parametrize("page", ["README.md", "docs/decision.md", "docs/deploy.md"])
def test_the_docs_name_tables_that_there_are(page):
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    named = set(re.findall(r"([a-z_]+)\.csv\b", text)) | {"pareto"}
    assert named - OTHERS <= set(TABLES)


def test_columns_that_the_docs_name_are_there():
    text = (REPOSITORY / "docs/decision.md").read_text(encoding="utf-8")
    columns = {column.name for table in TABLES.values() for column in table.columns}
    for name in ("goal", "value", "delta", "status", "val_harm", "test_harm", "weights_sha256"):
        assert f"`{name}`" in text
        assert name in columns


def test_the_workflow_makes_every_table():
    rules = "".join(p.read_text("utf-8") for p in REPOSITORY.glob("workflow/rules/*.smk"))
    made = {table.name for table in STATISTICS} | set(re.findall(r"(\w+)\.csv\"", rules))
    assert set(TABLES) <= made
