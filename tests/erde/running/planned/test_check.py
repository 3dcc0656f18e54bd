"""A job that is not what its run planned is refused; one that is is not."""

import hashlib
import sys
from types import SimpleNamespace

import pytest

from erde.running.planned import check
from erde.running.planned.handed import handed_over
from erde.running.planned.recipe import Recipe, tree_hash
from erde.running.stopped import handed_to, list_outputs
from erde_core.errors import ErdeError

AGAIN = " changed after the run was planned: start the same command again"
FILES = ("erde/a.py", "erde_core/b.py", "erde_torch/c.py", "workflow/scripts/job.py")


class Params(dict):
    """As Snakemake's: values by name and as attributes."""

    __getattr__ = dict.__getitem__


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """``planned(**params)``: the job of such a plan, about to start; the code is in tmp_path."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("VALUE = 1\n", encoding="utf-8")
    (tmp_path / "erde/a.py").write_text("from erde_core.b import VALUE\n", encoding="utf-8")

    def make(**params):
        recipe = Recipe(("erde.a",))
        code = recipe.code_hash(tmp_path)
        job = SimpleNamespace(
            output=["results/out"],
            params=Params(params, code=code),
            rule=SimpleNamespace(script="../scripts/job.py"),
        )
        rules = tmp_path / "workflow/rules"
        handed = handed_over([job], {code: recipe}, tree_hash(tmp_path), rules)
        list_outputs(tmp_path / "lists", job.output, handed)
        monkeypatch.setattr(sys.modules["__main__"], "snakemake", job, raising=False)
        return job

    return make


def refused(folder):
    with pytest.raises(ErdeError) as error:
        check.check_as_planned(folder / "lists", folder)
    return str(error.value).removesuffix(AGAIN)


def append(path, text):
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_what_is_as_planned_is_not_read_as_trees(planned, tmp_path, monkeypatch):
    planned(views=(1, 2), machine="here")
    monkeypatch.setattr(Recipe, "code_hash", None)
    check.check_as_planned(tmp_path / "lists", tmp_path)


@pytest.mark.parametrize("name", ["erde_core/b.py", "workflow/scripts/job.py"])
def test_a_comment_may_be_edited_and_a_statement_may_not(planned, tmp_path, name):
    planned()
    append(tmp_path / name, "# A remark.\n")
    check.check_as_planned(tmp_path / "lists", tmp_path)
    append(tmp_path / name, "ADDED = 1\n")
    whose = {"erde_core/b.py": "the code of this job"}
    assert refused(tmp_path) == whose.get(name, str(tmp_path / name))


def test_what_the_job_does_not_import_may_be_edited(planned, tmp_path):
    planned()
    append(tmp_path / "erde_torch/c.py", "ADDED = 1\n")
    check.check_as_planned(tmp_path / "lists", tmp_path)


def test_params_that_a_cluster_makes_anew_are_named_where_they_differ(planned, tmp_path):
    job = planned(loss={"kd_weight": 1.0}, views=3, machine="login", images="a")
    job.params |= {"machine": "node", "images": None}
    check.check_as_planned(tmp_path / "lists", tmp_path)
    job.params |= {"loss": {"kd_weight": 2.0}, "more": 1}
    assert refused(tmp_path) == "what this job is made of (loss, more)"


def test_weights_to_start_from_must_be_those_of_the_plan(planned, tmp_path):
    weights = tmp_path / "start.pth"
    weights.write_bytes(b"a")
    network = {"name": "resnet10", "weights": str(weights)}
    planned(student={"network": network}, start=hashlib.sha256(b"a").hexdigest())
    check.check_as_planned(tmp_path / "lists", tmp_path)
    weights.write_bytes(b"b")
    assert refused(tmp_path) == str(weights)


def test_another_version_of_a_library_that_counts_is_other_code(planned, tmp_path, monkeypatch):
    monkeypatch.setattr(Recipe, "libraries", ("numpy",))
    planned()
    monkeypatch.setattr(check, "installed_version", lambda name: "0")
    check.check_as_planned(tmp_path / "lists", tmp_path)  # of no network's that is built here
    monkeypatch.setattr(Recipe, "code_hash", lambda recipe, root: "other")
    assert refused(tmp_path) == "the code of this job"


def test_the_last_run_that_was_to_make_it_counts(planned, tmp_path):
    planned(views=1)
    job = planned(views=2)
    check.check_as_planned(tmp_path / "lists", tmp_path)
    assert handed_to(tmp_path / "lists", "results/other") is None
    job.output = ["results/other"]
    job.params["views"] = 3
    check.check_as_planned(tmp_path / "lists", tmp_path)  # nobody planned it
