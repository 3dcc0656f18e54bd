from base64 import urlsafe_b64encode

from erde.running.stopped import removed_outputs


def test_marked_files_that_are_not_there_are_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    marks, long = tmp_path / "incomplete", f"results/{'x' * 300}/weights.safetensors"
    marks.mkdir()
    (tmp_path / "there.csv").touch()
    for name in ("results/a/weights.safetensors", "there.csv"):
        (marks / urlsafe_b64encode(name.encode()).decode()).touch()
    encoded = urlsafe_b64encode(long.encode()).decode()
    (marks / f"@{encoded[:254]}").mkdir()
    (marks / f"@{encoded[:254]}" / encoded[254:]).touch()
    (marks / "migration_underway").touch()
    assert removed_outputs(marks) == ["results/a/weights.safetensors", long]
    assert removed_outputs(tmp_path / "none") == []
