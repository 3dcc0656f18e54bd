"""What a user reads when something is wrong: one sentence, an exit code, nothing half-written."""

import copy
import os

import numpy as np
import pytest
from PIL import Image

from erde.experiment.schema import parse_experiment, read_experiment
from tests.workflow.conftest import TINY, put_back

FOLDER = copy.deepcopy(TINY) | {
    "dataset": {"name": "folder", "path": "images", "image_size": [16, 16], "validation": 4}
}


def changed(**keys):
    """The experiment with other keys of its data set."""
    return FOLDER | {"dataset": FOLDER["dataset"] | keys}


def images(root, count=4, size=(16, 16)):
    """Two classes of random PNGs."""
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            folder = root / "images" / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = random.integers(0, 256, (*size, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{index}.png")


def refused_in_the_plan(checkout, *arguments, target="results/bad_pareto.png"):
    """What stands in the place of the plan: one line of ours and nothing of Snakemake's."""
    done = checkout.snakemake("--dry-run", target, *arguments, check=False)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    for word in ("Traceback", "Exception", "WorkflowError", "Wildcards", "in rule", ".smk"):
        assert word not in said
    (line,) = [line for line in said.splitlines() if line.startswith("Error: ")]
    assert said.count(line) == 1
    return line


def test_a_misspelt_key_is_refused_before_any_job(checkout):
    keys = copy.deepcopy(TINY)
    keys["student"]["train"]["epoch"] = keys["student"]["train"].pop("epochs")
    checkout.write_experiment("bad", keys)
    said = refused_in_the_plan(checkout)
    assert "bad.yaml: student.train: unknown key 'epoch'; did you mean 'epochs'?" in said
    assert not (checkout.root / "results").exists()


def test_an_unknown_experiment_names_the_nearest(checkout):
    done = checkout.snakemake("--cores", "1", "results/cifar1000_pareto.png", check=False)
    assert done.returncode != 0
    assert "did you mean 'cifar100'?" in done.stderr + done.stdout


MEMBER = {"name": "resnet10", "width": 0.125}
CASCADE = {"method": "kd", "network": {"cascade": [MEMBER | {"exits": []}, MEMBER]}}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("deploy/erde-seed7/", "has no seed '7'; known: 0, 1"),
        ("deploy/erde-seed00/", "has no seed '00'; did you mean '0'?"),
        ("deploy/both-seed7/", "has no seed '7'; known: 0, 1"),
        ("kd/seed99999999999/exit_logits.h5", "has no seed '99999999999'; known: 0, 1"),
        ("{member}/seed7/weights.safetensors", "has no seed '7'; known: 0, 1"),
        ("rivals/narrow0/seed7/weights.safetensors", "has no seed '7'; known: 0, 1"),
        ("rivals/narrow9/seed0/weights.safetensors", "has no rival 'narrow9'; did you mean"),
        ("teacher/fold3/weights.safetensors", "has no teacher 'teacher/fold3'; did you mean"),
        ("deploy/erd-seed0/", "has no variant 'erd'; did you mean 'erde'?"),
    ],
)
def test_what_the_experiment_does_not_have_is_not_trained(checkout, target, said):
    keys = TINY | {"seeds": [0, 1], "variants": TINY["variants"] | {"both": CASCADE}}
    checkout.write_experiment("bad", keys)
    folders = parse_experiment(keys, "bad").trainings()
    member = next(folder for folder in folders if folder.startswith("members/"))
    target = f"results/bad/{target.format(member=member)}"
    assert f"experiment 'bad' {said}" in refused_in_the_plan(checkout, target=target)


@pytest.mark.parametrize("name", ["Mine-2.b_c", "".join(map(str, range(100, 300)))[:200]])
def test_the_workflow_takes_each_name_that_a_file_may_have(checkout, name):
    checkout.write_experiment(name, TINY)
    read_experiment(checkout.root / f"workflow/experiments/{name}.yaml")
    assert checkout.plan(f"results/{name}/data.h5") == {"data": 1}


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "svhn"])
def test_without_network_the_data_rule_says_what_to_do(checkout, name, monkeypatch):
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # nobody answers there
    monkeypatch.delenv("no_proxy", raising=False)
    done = checkout.snakemake("--cores", "1", f"results/{name}/data.h5", check=False)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    files = {
        "cifar10": ["cifar-10-python.tar.gz"],
        "cifar100": ["cifar-100-python.tar.gz"],
        "svhn": ["train_32x32.mat"],
    }[name]
    assert all(file in said for file in files)
    assert "Traceback" not in done.stdout + done.stderr
    assert not (checkout.root / f"results/{name}/data.h5").exists()


def break_size(root):
    Image.new("RGB", (8, 16)).save(root / "images/train/cat/0.png")
    return ["0.png", "16"]


def break_image(root):
    path = root / "images/test/dog/1.png"
    path.write_bytes(path.read_bytes()[:60])
    return ["1.png"]


def break_class(root):
    for path in (root / "images/train/dog").iterdir():
        path.unlink()
    return ["dog", "train"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("rivals=maybe", "--config rivals must be true or false, got 'maybe'"),
        ("rivalz=false", "--config rivalz: unknown key 'rivalz'; did you mean 'rivals'?"),
        ("checkpoint_seconds=soon", "checkpoint_seconds must be a number >= 0, got 'soon'"),
    ],
)
def test_options_of_the_run_are_known_words(checkout, option, message):
    checkout.write_experiment("bad", TINY)
    assert message in refused_in_the_plan(checkout, "--config", option)


def test_rivals_false_plans_no_rivals(checkout):
    checkout.write_experiment("good", TINY)
    options = ("--config", "rivals=false", "latency=no")
    plan = checkout.plan("results/good_report.html", *options)
    assert "report" in plan
    assert not {"rival", "rivals", "latency"} & set(plan)


def test_a_gpu_that_is_not_here_is_missed_by_the_plan_of_a_training_alone(checkout, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    checkout.write_experiment("bad", TINY | {"device": "cuda"})
    said = "bad.yaml: device must be available, got 'cuda' but PyTorch sees no GPU"
    for target in ("teacher/exit_logits.h5", "ce/seed0/weights.safetensors"):
        assert said in refused_in_the_plan(checkout, target=f"results/bad/{target}")
    assert checkout.plan("results/bad/data.h5") == {"data": 1}
    assert checkout.plan("results/bad_pareto.png", "--jobs", "2")["student"] == 3  # on a cluster


@pytest.mark.parametrize("break_it", [break_size, break_class])
def test_the_plan_already_looks_at_one_image_of_each_class(checkout, break_it):
    images(checkout.root, count=80)
    words = break_it(checkout.root)
    checkout.write_experiment("bad", FOLDER)
    said = refused_in_the_plan(checkout)
    for word in words:
        assert word in said
    assert not (checkout.root / "results").exists()


def test_the_plan_says_that_there_is_no_folder(checkout):
    checkout.write_experiment("bad", FOLDER)
    assert "images/train: cannot be read" in refused_in_the_plan(checkout)


def test_the_plan_says_what_validation_cannot_take(checkout):
    images(checkout.root)
    checkout.write_experiment("bad", changed(validation=8))
    said = refused_in_the_plan(checkout)
    assert "dataset.validation: the validation split must take 1 … 7 of 8 training images" in said


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (
            {"stem": "imagenet"},
            "network: images must leave at least 2×2 pixels at every early exit",
        ),
        ({"weights": "nowhere.pth"}, "network.weights must be a file that can be read, got 'nowhe"),
    ],
)
def test_the_plan_says_which_network_does_not_fit(checkout, network, said):
    own = {"method": "kd", "network": TINY["student"]["network"] | network}
    checkout.write_experiment("bad", TINY | {"variants": TINY["variants"] | {"own": own}})
    assert f"workflow/experiments/bad.yaml: variants.own.{said}" in refused_in_the_plan(checkout)
    assert not (checkout.root / "results").exists()


def test_a_students_network_that_only_rivals_take_is_held_to_the_images(checkout):
    deep = TINY["student"]["network"] | {"stem": "imagenet"}
    own = {"own": {"method": "kd", "network": TINY["student"]["network"]}}
    student = TINY["student"] | {"network": deep}
    checkout.write_experiment("bad", TINY | {"student": student, "variants": own})
    assert "rival" not in checkout.plan("results/bad_pareto.png")
    said = refused_in_the_plan(checkout, "results/bad/rivals.csv")
    assert "bad.yaml: student.network: images must leave at least 2×2 pixels" in said


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("digits/erde/seed0/cascade.safetensors", "experiment 'digits' has no cascade 'erde'"),
        ("digits/members/x/seed0/weights.safetensors", "'digits' trains nothing in 'members/x'"),
    ],
)
def test_a_result_that_an_experiment_does_not_have_is_one_sentence(checkout, target, said):
    checkout.write_experiment("bad", TINY)
    assert said in refused_in_the_plan(checkout, f"results/{target}")


def test_a_folder_that_no_memory_holds_is_refused_in_the_plan(checkout):
    images(checkout.root, count=80)
    checkout.write_experiment("bad", FOLDER)
    assert checkout.plan("results/bad/data.h5") == {"data": 1}
    code = checkout.root / "erde/running/machine.py"
    text = code.read_text(encoding="utf-8")
    code.write_text(text.replace("// 10**6 if known", "* 0 if known"), encoding="utf-8")
    said = refused_in_the_plan(checkout)
    assert "teacher: batch_size 50 of resnet" in said
    assert "must fit into this machine's 0 MB of memory, got at least " in said
    assert checkout.plan("results/bad/data.h5", "--jobs", "2") == {"data": 1}  # as on a cluster


@pytest.mark.parametrize("break_it", [break_image])
def test_a_bad_image_folder_is_named(checkout, break_it):
    images(checkout.root, count=80)
    words = break_it(checkout.root)
    checkout.write_experiment("bad", FOLDER)
    said = refused_in_the_plan(checkout)
    for word in words:
        assert word in said
    assert list(checkout.root.glob("results/bad/*")) == []


def test_a_batch_larger_than_the_data_is_refused(checkout):
    images(checkout.root)
    checkout.write_experiment("bad", FOLDER)
    said = refused_in_the_plan(checkout)
    assert "student.train.batch_size must be at most the 4 training images, got 50" in said


def test_a_damaged_cache_is_refused(finished):
    path = finished.root / "results/tiny/teacher_logits.h5"
    target = finished.root / "results/tiny/kd/seed0/weights.safetensors"
    with put_back(finished):  # what the failed run had planned, too
        stat = path.stat()
        path.write_bytes(path.read_bytes()[: stat.st_size // 2])
        target.unlink()
        os.utime(path, (stat.st_atime, stat.st_mtime))
        done = finished.snakemake(
            "--cores", "1", str(target.relative_to(finished.root)), check=False
        )
        assert done.returncode != 0
        assert "teacher_logits.h5: " in done.stdout + done.stderr
        assert not target.exists()
