import os
from types import SimpleNamespace

import pytest

from erde.running.training.training_job import Named, read_job, write_job


def test_a_job_is_read_as_it_was_written(tmp_path):
    named = {
        "input": {"data": "data.h5"},
        "output": {"weights": "a/weights.safetensors", "history": "a/history.csv"},
        "params": {"views": None, "loss": {"exit_weights": (1.0, 0.5), "kd_mask": "all"}},
        "wildcards": {"experiment": "größe", "seed": "3"},
    }
    fields = {name: Named(values) for name, values in named.items()}
    job = SimpleNamespace(**fields, config={"checkpoint_seconds": 300}, log=["x.log"], threads=5)
    write_job(tmp_path / "job.json", job, "scripts/student.py")
    found = read_job(tmp_path / "job.json")
    for name, values in named.items():
        assert dict(getattr(found, name)) == values
        assert list(getattr(found, name).keys()) == list(getattr(job, name).keys())
    assert found.params.loss["exit_weights"] == (1.0, 0.5)
    assert found.output.history == "a/history.csv"
    assert found.config["checkpoint_seconds"] == 300
    assert (found.log[0], found.threads) == ("x.log", 5)
    assert (found.script, found.launcher) == ("scripts/student.py", os.getpid())
    with pytest.raises(AttributeError, match="cache"):
        found.input.cache  # noqa: B018
