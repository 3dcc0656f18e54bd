"""The pages keep their word: lines that fit, links that lead somewhere, commands that exist."""

import contextlib
import dataclasses
import importlib
import io
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from erde.cli import COMMANDS, main
from erde.datasets.sources import SOURCES
from erde.deployment.program import PROGRAM_FILES
from erde.evaluation.tables import TABLES
from erde.experiment.options import RunOptions
from erde.experiment.schema import Experiment
from erde_core.settings import METHODS
from erde_torch.export.folder import write_deployment
from erde_torch.export.manifest import deployment_manifest
from erde_torch.networks.table import known_names
from tests.erde_torch.deployable import card_of, exit_logits
from tests.torch_fixtures import deployable  # noqa: F401 -- a fixture
from tests.workflow.conftest import REPOSITORY, copy_repository

PAGES = sorted(
    path
    for pattern in ("*.md", ".github/*.md", "docs/**/*.md", "results/README.md")
    for path in REPOSITORY.glob(pattern)
)
TEXTS = {path.relative_to(REPOSITORY).as_posix(): path.read_text("utf-8") for path in PAGES}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
OWN = r"(?:erde_core|erde_torch|erde|workflow|tests|studies|benchmarks|profiles|docs)"
NEW = re.findall(r"^New file `(\S+)`:$", TEXTS["docs/architecture.md"], re.M)
READERS = ("workflow/experiments/mine.yaml", "studies/experiments", *NEW)  # made by readers


def commands(first):
    """(page, command) of every command that begins with ``first``: blocks and running text."""
    found = {}
    for page, text in TEXTS.items():
        shown = [line for _, block in FENCE.findall(text) for line in block.splitlines()]
        shown += re.findall(r"^    (\S.*)$", FENCE.sub("", text), re.M)
        inline = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
        for line in [re.sub(r"^\$ ", "", line) for line in shown] + inline:
            command = line.split("  #")[0].strip()
            form = any(word.isupper() and len(word) > 1 for word in command.split())
            if command.startswith(first + " ") and not form:  # `erde init FOLDER` runs nowhere
                found.setdefault(command, page)
    return [pytest.param(command, id=f"{page}: {command}") for command, page in found.items()]


@pytest.mark.parametrize("page", TEXTS)
def test_no_line_is_longer_than_120_characters(page):
    # A row of a table cannot be broken in Markdown; everything else can.
    lines = enumerate(TEXTS[page].splitlines(), 1)
    long = [n for n, line in lines if len(line) > 120 and (page == "README.md" or line[:1] != "|")]
    assert long == []


def test_the_readme_is_for_a_reader_in_a_hurry():
    assert len(TEXTS["README.md"].splitlines()) <= 150


def anchors(text):
    """The places of a page that a link can name, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", TEXTS)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", TEXTS[page])):
        if re.match(r"https?://", target):
            continue
        name, _, place = target.partition("#")
        path = (REPOSITORY / page).parent / name if name else REPOSITORY / page
        assert path.exists(), target
        assert not place or place in anchors(path.read_text("utf-8")), target


@pytest.mark.parametrize("page", TEXTS)
def test_every_file_and_name_of_the_project_exists(page):
    if page == "CHANGELOG.md":  # speaks of what was
        return
    text = FENCE.sub("", TEXTS[page])
    for path in re.findall(rf"`({OWN}/[\w./-]*)`", text):
        assert path in READERS or (REPOSITORY / path).exists(), path
    for name in re.findall(rf"`({OWN}(?:\.\w+)+)(?:\([^`]*\))?`", text):
        if not (REPOSITORY / name).exists():
            assert is_importable(name), name


def is_importable(name):
    module, _, attribute = name.rpartition(".")
    with contextlib.suppress(ImportError):
        return bool(importlib.import_module(name))
    return hasattr(importlib.import_module(module), attribute)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A fresh clone with the README's experiment and its images, and the study's experiments."""
    clone = copy_repository(tmp_path_factory.mktemp("clone"))
    (experiment,) = (block for kind, block in FENCE.findall(TEXTS["README.md"]) if kind == "yaml")
    (clone.root / "workflow/experiments/mine.yaml").write_text(experiment, encoding="utf-8")
    side = yaml.safe_load(experiment)["dataset"]["image_size"]
    image = own_image((side, side + 20))
    for folder in ("train/ant", "train/ox", "test/ant", "test/ox"):
        (clone.root / "data/mine" / folder).mkdir(parents=True)
        for number in range(400 if "train" in folder else 1):
            (clone.root / "data/mine" / folder / f"{number}.png").write_bytes(image)
    shutil.copytree(REPOSITORY / "studies", clone.root / "studies")
    subprocess.run([sys.executable, "-m", "studies.compose"], cwd=clone.root, check=True)
    return clone


def own_image(size):
    """The bytes of a grey-brown PNG file of (height, width)."""
    pixels = np.full((*size, 3), (120, 110, 90), np.uint8)
    image = pytest.importorskip("PIL.Image").fromarray(pixels)
    image.save(file := io.BytesIO(), "PNG")
    return file.getvalue()


def plans():
    """Plain commands are planned together, since a plan takes seconds; one with options alone."""
    written = [found.values[0] for found in commands("snakemake")]
    plain = [re.fullmatch(r"snakemake (?:-n|--cores \d+) (results/[^-]*)", c) for c in written]
    targets = " ".join(found[1] for found in plain if found)
    others = [c for c, found in zip(written, plain, strict=True) if not found]
    return [f"snakemake {targets}", *(c for c in others if "--unlock" not in c)]


@pytest.mark.parametrize("command", plans())
def test_snakemake_knows_what_to_do(clone, command):
    words = ["bash", "-c", f"exec {sys.executable} -m {command} --dry-run --quiet"]
    done = subprocess.run(words, cwd=clone.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command", [c for name in ("init", "check", "run", "schema") for c in commands(f"erde {name}")]
)
def test_erde_does_what_it_says_before_any_training(clone, command):
    options = {"init": " --output init.yaml", "run": " --dry-run"}.get(command.split()[1], "")
    words, sign, file = command.partition(" > ")
    script = f"exec {sys.executable} -m erde.cli {words.removeprefix('erde ')}{options}{sign}{file}"
    done = subprocess.run(["bash", "-c", script], cwd=clone.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", commands("make"))
def test_make_knows_the_target(command):
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    known = re.search(r"^\.PHONY: (.*)$", makefile, re.M)[1].split()
    assert command.split()[1].strip(";") in known


def test_ci_runs_the_readmes_two_commands():
    parts = (REPOSITORY / ".ci/run").read_text(encoding="utf-8")
    found = re.findall(r"^\$ make (\w+)", TEXTS["README.md"], re.M)
    assert found == ["demo", "test"]
    assert all(f"make {target}\n" in parts for target in found)


@pytest.fixture(scope="module")
def shipped(deployable, tmp_path_factory):  # noqa: F811
    """A folder in which the deployment of the pages and their images lie where the pages say."""
    folder = tmp_path_factory.mktemp("shipped")
    teacher = 8 * int(deployable.macs[-1])
    exits = exit_logits(deployable)
    manifest = deployment_manifest(card_of(deployable), exits, teacher, "tests", "erde-seed0")
    (folder / "results/digits/deploy").mkdir(parents=True)
    where = folder / "results/digits/deploy/erde-seed0"
    write_deployment(where, deployable.network, manifest, PROGRAM_FILES)
    image = pytest.importorskip("PIL.Image").fromarray(deployable.pixels[0])
    for name in ("images/0.png", "folder/0.png", "image.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        image.save(folder / name)
    return folder


@pytest.mark.parametrize("command", commands("erde predict"))
def test_erde_predict_answers(shipped, command, monkeypatch):
    monkeypatch.chdir(shipped)
    # 150 validation images certify nothing, so that here a threshold must be given.
    named = "--" in command
    with pytest.raises(SystemExit) as stopped:
        main([*shlex.split(command)[1:], *([] if named else ["--theta", "1"])])
    assert stopped.value.code == 0


def test_the_shipped_runner_answers(shipped, deployable):  # noqa: F811
    (command,) = (c.values[0] for c in commands("python") if "run.py" in c.values[0])
    folder = shipped / "results/digits/deploy/erde-seed0"
    np.save(folder / "images.npy", deployable.pixels[:3])
    words = [sys.executable, *shlex.split(command)[1:]]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"class \d|^\d", done.stdout, re.M)) >= 3


@pytest.mark.parametrize("command", commands("python -m"))
def test_python_finds_the_module(command):
    assert callable(importlib.import_module(command.split()[2]).main)


def first_column(page, title, pattern):
    """What ``pattern`` finds in the first column of the table that ``title`` heads."""
    table = re.search(rf"^\| {re.escape(title)} \|.*?\n\n", TEXTS[page], re.M | re.S)[0]
    cells = [row.split("|")[1] for row in table.splitlines()[2:] if row]
    return [name for cell in cells for name in re.findall(pattern, cell)]


def test_the_keys_of_the_experiment_file_are_all_there():
    named = first_column("docs/experiments.md", "key", r"`(\w+)`")
    assert set(named) == set(Experiment.model_fields)


def test_the_data_sets_are_all_there():
    named = first_column("docs/experiments.md", "`name`", r"`(\w+)`")
    assert set(named) == set(SOURCES)


def test_the_networks_are_all_there():
    named = first_column("docs/deploy.md", "`name`", r"`([\w/<>]+)`")
    assert set(named) == set([*known_names(), "timm/<model>"])


def test_the_methods_are_all_there():
    for page in ("README.md", "docs/experiments.md", "docs/glossary.md", "docs/method.md"):
        assert {m for m in METHODS if f"`{m}`" in TEXTS[page]} == set(METHODS), page


def test_the_options_of_a_run_are_all_there():
    section = TEXTS["docs/experiments.md"].partition("## Options of a run")[2]
    keys = {field.name for field in dataclasses.fields(RunOptions)}
    assert {key for key in keys if f"`{key}`" in section} == keys


def test_the_commands_of_erde_are_all_there():
    assert set(first_column("README.md", "command", r"`erde (\w+)")) == set(COMMANDS)


def test_the_list_of_results_has_every_output_of_the_rules():
    rules = "\n".join(p.read_text("utf-8") for p in (REPOSITORY / "workflow/rules").glob("*.smk"))
    outputs = re.findall(r"^    output:\n(.*?)^    \w+:", rules, re.M | re.S)
    names = {Path(path).name for text in outputs for path in re.findall(r'"(results/.*?)"', text)}
    text = TEXTS["results/README.md"].replace("latency.{csv,png}", "latency.csv latency.png")
    names |= {f"{name}.csv" for name in TABLES}
    for name in names - {"{name}.csv"}:
        plain = re.sub(r"\{(\w+?)\}", lambda found: f"<{found[1]}>", name)
        assert plain.replace("seed<seed>", "seed<n>") in text, name


def test_the_map_of_the_packages_shows_every_folder():
    parts = ("erde_core", "erde_torch", "erde")
    inits = (path for part in parts for path in (REPOSITORY / part).glob("*/**/__init__.py"))
    folders = {path.parent.relative_to(REPOSITORY).as_posix() for path in inits}
    assert folders == {f for f in folders if f"`{f}/`" in TEXTS["docs/architecture.md"]}
