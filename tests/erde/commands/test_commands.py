"""erde init, check, run and schema, called as the command line calls them."""

import argparse
import importlib
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from PIL import Image

from erde.commands.schema import experiment_schema
from erde.experiment.schema import read_experiment

REPOSITORY = Path(__file__).parents[3]
SHIPPED = sorted((REPOSITORY / "workflow/experiments").glob("*.yaml"))


def call(name, *arguments):
    module, parser = importlib.import_module(f"erde.commands.{name}"), argparse.ArgumentParser()
    module.add_options(parser)
    return module.run(parser.parse_args([str(one) for one in arguments]))


def test_init_writes_an_experiment_that_check_accepts(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder.parent)
    assert call("init", folder) == 0
    experiment = read_experiment("my_pets.yaml")
    assert experiment.dataset.image_size == (20, 24)
    assert experiment.dataset.validation == 6
    assert call("check", "my_pets.yaml") == 0
    said = capsys.readouterr().out
    assert "54 / 6 / 10 train / val / test images, 20 × 24, 2 classes" in said
    assert "9 students: 3 variants × 3 seeds" in said


def test_init_leaves_what_is_there(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (folder.parent / "my_pets.yaml").write_text("mine")
    with pytest.raises(ValueError, match=r"my_pets\.yaml: is there already"):
        call("init", folder)
    assert (folder.parent / "my_pets.yaml").read_text() == "mine"


def test_init_in_a_clone_writes_among_the_experiments(folder, monkeypatch):
    (folder.parent / "workflow/experiments").mkdir(parents=True)
    monkeypatch.chdir(folder.parent)
    call("init", folder)
    assert (folder.parent / "workflow/experiments/my_pets.yaml").exists()


def test_init_says_what_is_wrong_with_the_folder(folder, tmp_path):
    with pytest.raises(ValueError, match="must be a folder of class folders, got no such folder"):
        call("init", tmp_path / "none")
    (folder / "train/cat/0.png").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"cat/0\.png: must be a whole, readable image"):
        call("init", folder, "--output", tmp_path / "x.yaml")
    assert not (tmp_path / "x.yaml").exists()


def test_init_scales_photographs_of_several_sizes(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder.parent)
    for n, file in enumerate(sorted(folder.rglob("*.png"))):
        Image.open(file).resize((130 + n, 100)).save(file)
    call("init", folder)
    experiment = read_experiment("my_pets.yaml")
    assert (experiment.dataset.size, experiment.dataset.resize) == ((96, 96), "crop")
    assert experiment.augment.crops is not None
    capsys.readouterr()
    call("check", "my_pets.yaml")
    said = capsys.readouterr().out
    assert "70 images of 100 … 100 × 130 … 199 pixels become 96 × 96 (resize: crop)" in said


def test_check_says_what_is_wrong_with_the_images(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    call("init", folder)
    Image.new("L", (24, 20)).save(folder / "train/cat/0.png")
    with pytest.raises(ValueError, match=r"my_pets\.yaml: .*cat/0\.png: must be colour like"):
        call("check", "my_pets.yaml")


def test_check_opens_the_files_that_trainings_start_from(tmp_path):
    keys = yaml.safe_load((REPOSITORY / "workflow/experiments/digits.yaml").read_text("utf-8"))
    keys["variants"] = {"own": {"method": "kd", "network": {"name": "resnet10"}}}
    keys["variants"]["own"]["network"]["weights"] = str(tmp_path / "mine.pt")
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(keys), "utf-8")
    where = r"mine\.yaml: variants\.own\.network\.weights must be a file "
    with pytest.raises(ValueError, match=f"{where}that can be read, got .*No such file"):
        call("check", path)
    (tmp_path / "mine.pt").write_bytes(b"no tensors")
    with pytest.raises(ValueError, match=f"{where}of tensors alone, got"):
        call("check", path)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_check_answers_programs_too(path, capsys):
    assert call("check", path, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    trained = len(found["variants"]) + len(found["cascades"])  # two members for one cascade
    assert found["students"] == trained * len(found["seeds"])
    assert set(found["memory_mb"]) >= {"data", "teacher", "student"}


def test_check_tells_of_a_cascade_from_dear_to_cheap(tmp_path, capsys):
    keys = yaml.safe_load((REPOSITORY / "workflow/experiments/digits.yaml").read_text("utf-8"))
    thin, dear = ({"name": "resnet10", "width": width, "exits": []} for width in (0.1, 0.2))
    orders = {"up": [thin, dear], "down": [dear, thin]}
    keys["variants"] = {
        name: {"method": "kd", "network": {"cascade": order}} for name, order in orders.items()
    }
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(keys, sort_keys=False), "utf-8")
    call("check", path, "--json")
    told = [one for one in json.loads(capsys.readouterr().out)["remarks"] if "cascade" in one]
    assert len(told) == 1
    assert told[0].startswith("variants.down.network.cascade.1: resnet10 costs 0.2")


def test_check_says_which_variants_have_a_training_of_their_own(tmp_path, capsys):
    text = (REPOSITORY / "workflow/experiments/digits.yaml").read_text("utf-8")
    keys = yaml.safe_load(text)
    own = {"dkd": {"kd_warmup": 2, "epochs": 8}, "best": {"gradient_scaling": "equilibrium"}}
    keys["variants"] = {"kd": {"method": "kd", "train": {}}}
    keys["variants"] |= {"dkd": {"method": "dkd", "train": own["dkd"]}}
    keys["variants"] |= {"best": {"method": "kd_ls", "train": own["best"]}}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(keys, sort_keys=False), "utf-8")
    call("check", path)
    shown = "kd, dkd (epochs 8, kd_warmup 2), best (kd_ls: gradient_scaling equilibrium)"
    assert f"  variants  {shown}\n" in capsys.readouterr().out
    call("check", path, "--json")
    assert json.loads(capsys.readouterr().out)["own_train"] == own
    keys["variants"]["best"]["train"] = {"threads": 2}
    path.write_text(yaml.safe_dump(keys, sort_keys=False), "utf-8")
    with pytest.raises(ValueError, match=r"mine\.yaml: variants\.best\.train\.threads must be"):
        call("check", path)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_editors_schema_accepts_the_shipped_experiments(path):
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), experiment_schema())


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("seedz",), [0]),
        (("student", "train", "epochs"), "3"),
        (("variants", "erde", "method"), "erdee"),
        (("variants", "erde", "entropy_weigth"), 1),
        (("variants", "erde", "temperature"), []),
        (("dataset", "name"), "cifar11"),
    ],
)
def test_the_editors_schema_refuses_what_the_reader_refuses(place, value):
    keys = yaml.safe_load((REPOSITORY / "workflow/experiments/digits.yaml").read_text())
    inner = keys
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(keys, experiment_schema())


def test_the_schema_is_printed(capsys):
    assert call("schema") == 0
    assert json.loads(capsys.readouterr().out)["properties"]["variants"]


@pytest.mark.parametrize("name", ["init", "check", "run", "schema"])
def test_a_command_loads_no_torch_and_no_pydantic_before_it_runs(name):
    heavy = {"torch", "pydantic", "yaml"}
    code = f"import sys, erde.commands.{name}; print({heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
