"""The folder is whole or not there, and says what is in it."""

import hashlib
import json

import pytest

from erde_torch.export import folder as folder_module
from erde_torch.export.folder import write_deployment
from tests.erde_torch.deployable import random_network


def test_files_and_their_hashes(exported):
    files = json.loads((exported / "manifest.json").read_text())["files"]
    assert set(files) | {"manifest.json"} == {path.name for path in exported.iterdir()}
    for name, noted in files.items():
        assert hashlib.sha256((exported / name).read_bytes()).hexdigest() == noted


def test_the_runner_is_short_and_imports_little(exported):
    lines = (exported / "run.py").read_text().splitlines()
    assert len(lines) < 80
    imported = {
        line.split()[1].split(".")[0] for line in lines if line.startswith(("import", "from"))
    }
    assert imported == {"argparse", "hashlib", "json", "pathlib", "sys", "numpy", "onnxruntime"}


def test_nothing_stays_when_it_fails(tmp_path, monkeypatch):
    def full_disk(stages):
        raise OSError("No space left on device")

    monkeypatch.setattr(folder_module, "stage_models", lambda *_: [])
    monkeypatch.setattr(folder_module, "single_model", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_deployment(tmp_path / "deploy" / "x", random_network(), {"shape": [16, 16, 3]})
    assert not (tmp_path / "deploy" / "x").exists()


def test_a_folder_that_is_there_is_kept(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(FileExistsError):
        write_deployment(tmp_path, random_network(), {"shape": [16, 16, 3]})
    assert (tmp_path / "mine").read_text() == "mine"
