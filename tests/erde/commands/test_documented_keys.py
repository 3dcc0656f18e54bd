"""The pages name every key of an experiment file, and the defaults of a training."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from erde.commands.schema import experiment_schema
from erde_torch.training.settings import TrainSettings

REPOSITORY = Path(__file__).parents[3]
PAGES = ("experiments.md", "own-network.md", "deploy.md", "method.md")
TEXT = "\n".join((REPOSITORY / "docs" / name).read_text("utf-8") for name in PAGES)
CODE = "\n".join(re.findall(r"```yaml\n.*?```|`[^`\n]+`", TEXT, re.S))
SCHEMA = experiment_schema()


@pytest.mark.parametrize("settings", SCHEMA["$defs"])
def test_every_key_stands_on_a_page(settings):
    keys = SCHEMA["$defs"][settings]["properties"]
    assert [key for key in keys if not re.search(rf"(?<![\w-]){key}(?![\w-])", CODE)] == []


def test_the_table_of_train_has_every_key_and_its_default():
    page = (REPOSITORY / "docs/experiments.md").read_text("utf-8")
    table = page.partition("\n## Training\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \|([^|]*)\|", table, re.M))
    fields = dataclasses.fields(TrainSettings)
    assert list(rows) == [field.name for field in fields]
    for field in fields:
        word = rows[field.name].strip("` ")
        if field.default is dataclasses.MISSING:
            assert word == ""
        elif isinstance(field.default, str):
            assert word == field.default
        else:
            assert json.loads(word) == field.default
