"""erde check keeps to what is made already, and counts images as they are held out."""

import json
import re

import pytest

from erde.datasets.fingerprint import folder_fingerprint, record_identity
from erde.experiment.schema import read_experiment
from erde.running import plan
from tests.erde.commands.test_commands import call


@pytest.fixture
def made(folder, monkeypatch):
    """The folder of images whose data.h5 is made."""
    monkeypatch.chdir(folder.parent)
    call("init", folder.name, "--output", "mine.yaml")
    results = folder.parent / "results/mine"
    results.mkdir(parents=True)
    (results / "data.h5").touch()
    record_identity(read_experiment("mine.yaml").dataset, results, folder_fingerprint(folder))
    return folder


def test_images_that_are_away_have_not_changed(made, capsys):
    made.rename(made.parent / "away")
    assert call("check", "mine.yaml") == 0
    remark = (
        "remark    my pets/train: cannot be read (No such file or directory): results/mine/data.h5"
    )
    assert remark in capsys.readouterr().out
    (made.parent / "results/mine/data.h5").unlink()
    with pytest.raises(ValueError, match=r"mine\.yaml: my pets/train: must be a folder of class"):
        call("check", "mine.yaml")


def test_images_that_have_become_a_data_set_are_not_looked_at(made, monkeypatch):
    looked_at = []
    look = plan._looked_at
    monkeypatch.setattr(plan, "_looked_at", lambda source: looked_at.append(1) or look(source))
    call("check", "mine.yaml")
    assert not looked_at
    (made / "train/cat/0.png").unlink()
    call("check", "mine.yaml")
    assert looked_at


def test_images_are_counted_as_their_groups_are_held_out(folder, monkeypatch, capsys):
    """In one way on all lines: groups of 4 stay together."""
    monkeypatch.chdir(folder.parent)
    names = [f"train/{name}/{n}.png" for name in ("cat", "dog") for n in range(30)]
    rows = [f"{name},{name.split('/')[1]}{n // 4}" for n, name in enumerate(names)]
    (folder / "groups.csv").write_text("\n".join(["file,group", *rows]))
    call("init", folder, "--output", "mine.yaml")
    capsys.readouterr()
    call("check", "mine.yaml")
    said = capsys.readouterr().out
    call("check", "mine.yaml", "--json")
    images = json.loads(capsys.readouterr().out)["images"]
    wanted = f"{images['train']} / {images['val']} / {images['test']}"
    assert images["val"] != 6
    assert set(re.findall(r"(\d+ / \d+ / \d+) train / val / test", said)) == {wanted}
    assert f"groups stay together: {images['val']} validation images instead of 6" in said
