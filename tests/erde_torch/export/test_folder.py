"""The folder is whole or as it was, says what is in it, and leaves a user's own files alone."""

import hashlib
import json
import os

import pytest

from erde.deployment.program import PROGRAM_FILES
from erde.deployment.runner import Runner
from erde_torch.export import folder as folder_module
from erde_torch.export.folder import write_deployment
from erde_torch.export.manifest import deployment_manifest
from tests.erde_torch.deployable import card_of, exit_logits, random_network


@pytest.fixture
def manifest(deployable):
    return deployment_manifest(card_of(deployable), exit_logits(deployable), 1, "tests", "x")


@pytest.fixture
def write(manifest, monkeypatch):
    """``write(folder, …)`` exports at once: the networks are files of a few bytes."""
    monkeypatch.setattr(folder_module, "stage_models", lambda *_: [b"stage"] * 4)
    monkeypatch.setattr(folder_module, "single_model", lambda _: b"single")
    monkeypatch.setattr(folder_module.onnx, "save", lambda model, path: path.write_bytes(model))

    def run(folder, check=lambda _: None):
        write_deployment(folder, None, manifest, PROGRAM_FILES, check)

    return run


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_and_their_hashes(exported):
    files = json.loads((exported / "manifest.json").read_text())["files"]
    assert set(files) | {"manifest.json"} == {path.name for path in exported.iterdir()}
    assert set(files) >= set(PROGRAM_FILES)
    for name, noted in files.items():
        assert hashlib.sha256((exported / name).read_bytes()).hexdigest() == noted


def test_the_program_is_short_and_imports_little(exported):
    for name, most in (("run.py", 200), ("image_reader.py", 300), ("cells.py", 30)):
        assert len((exported / name).read_text().splitlines()) < most
    for name in PROGRAM_FILES:
        lines = (exported / name).read_text().splitlines()
        imported = {
            line.split()[1].split(".")[0] for line in lines if line.startswith(("import", "from"))
        }
        standard = {
            "argparse",
            "collections",
            "contextlib",
            "csv",
            "hashlib",
            "importlib",
            "io",
            "json",
        }
        assert imported <= standard | {
            "math",
            "os",
            "pathlib",
            "random",
            "re",
            "runpy",
            "sys",
            "threading",
            "types",
            "typing",
            "warnings",
            "zlib",
        } | {
            "numpy",
            "onnxruntime",
        }


@pytest.mark.parametrize("there", [False, True])
def test_nothing_changes_when_it_fails(tmp_path, write, manifest, monkeypatch, there):
    folder = tmp_path / "deploy" / "x"
    if there:
        write(folder)
        (folder / "mine.txt").write_text("mine")
    before = content(folder) if there else None

    def full_disk(stages):
        raise OSError("No space left on device")

    monkeypatch.setattr(folder_module, "single_model", full_disk)
    with pytest.raises(OSError, match="No space"):
        write(folder)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["x"] * there
    assert not there or content(folder) == before


def test_what_a_check_refuses_is_not_put_in_place(tmp_path, write):
    def refuse(draft):
        assert (draft / "manifest.json").exists()
        raise ValueError("decides otherwise")

    with pytest.raises(ValueError, match="decides otherwise"):
        write(tmp_path / "x", refuse)
    assert list(tmp_path.iterdir()) == []


def test_own_files_stay_and_a_former_networks_files_go(tmp_path, write, monkeypatch):
    folder = tmp_path / "x"
    folder.mkdir()
    own = {"notes.txt": "mine", "stage9.onnx": "my own network"}
    for name, text in own.items():
        (folder / name).write_text(text)
    with monkeypatch.context() as patch:
        patch.setitem(PROGRAM_FILES, "former.py", PROGRAM_FILES["cells.py"])
        patch.setitem(PROGRAM_FILES, "edited.py", PROGRAM_FILES["cells.py"])
        write(folder)
    (folder / "edited.py").write_text("mine now")
    assert (folder / "former.py").exists()
    write(folder)
    after = content(folder)
    assert "former.py" not in after
    assert after["edited.py"] == b"mine now"
    for name, text in own.items():
        assert after[name] == text.encode()


def test_a_file_of_another_kind_is_not_replaced(tmp_path, write):
    (tmp_path / "run.py").write_text("mine")
    with pytest.raises(FileExistsError, match=r"run.py: must be free for the deployment"):
        write(tmp_path)
    assert content(tmp_path) == {"run.py": b"mine"}


def test_a_linked_folder_stays_a_link(tmp_path, write):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "x").symlink_to("elsewhere")
    write(tmp_path / "x")
    assert (tmp_path / "x").is_symlink()
    assert (tmp_path / "elsewhere" / "manifest.json").exists()


def test_half_replaced_is_refused_and_can_be_repaired(tmp_path, write, exported, monkeypatch):
    folder = tmp_path / "x"
    write(folder)
    replace, moved = os.replace, []

    def killed(source, target):
        if len(moved) == 3:
            raise KeyboardInterrupt
        moved.append(replace(source, target))

    monkeypatch.setattr(folder_module, "single_model", lambda _: b"another single")
    monkeypatch.setattr(folder_module, "stage_models", lambda *_: [b"another stage"] * 4)
    with monkeypatch.context() as patch:
        patch.setattr(folder_module.os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            write(folder)
    assert len(moved) == 3
    with pytest.raises(ValueError, match=r"SHA-256 must be"):
        Runner(folder)
    write(folder)
    assert content(folder)["single.onnx"] == b"another single"


def test_drafts_of_killed_processes_are_removed(tmp_path, write):
    (tmp_path / ".x.999999999.tmp").mkdir()
    write(tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_no_folder_without_a_valid_manifest(tmp_path, deployable, manifest):
    with pytest.raises(ValueError, match=r"std must be one number > 0 per channel, got \[0"):
        write_deployment(tmp_path / "x", random_network(), manifest | {"std": [0, 1, 1]}, {})
    assert list(tmp_path.iterdir()) == []
