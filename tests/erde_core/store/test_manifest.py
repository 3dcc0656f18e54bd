"""Every rule of a manifest's fields, the seal over them, and the files that they name."""

import copy
import hashlib
import json
import math
import os
import subprocess
import sys

import pytest

from erde_core.store import manifest as manifest_module
from erde_core.store.manifest import (
    ManifestError,
    check_manifest,
    defaults,
    network_files,
    read_deployment,
    sealed,
)

CONTENT = {name: name.encode() for name in [*network_files(2), "run.py"]}
FIELDS = defaults([8, 6, 3]) | {
    "format": "erde deployment",
    "version": 2,
    "experiment": "tests",
    "network": "x",
    "dataset_sha256": "0" * 64,
    "weights_sha256": "f" * 64,
    "shape": [8, 6, 3],
    "mean": [0.5, 0.4, 0.3],
    "std": [0.2, 0.2, 1e-05],
    "class_names": ["Käfer", 'a "b"'],
    "entropy_unit": "nats",
    "largest_theta": 2 * math.log(2),
    "macs": [100, 250],
    "teacher_macs": 1000,
    "curve_columns": ["theta_nats", "val_accuracy", "val_mean_macs"],
    "curve": [[0.0, 0.9, 250.0], [1.0, 0.8, 100.0]],
    "per_exit_curve": [[[0.5], 0.85, 150.0]],
    "operating_points": [[0.0, 0.9, 250.0, 0.7, 0.9], [1.0, 0.8, 100.0, 0.8, 0.8]],
    "certified_theta": 0.25,
    "certificate": {"harmed": 1, "units": 500, "epsilon": 0.01, "delta": 0.05},
    "versions": {"python": "3.11.2"},
    "files": {name: hashlib.sha256(data).hexdigest() for name, data in CONTENT.items()},
}
GATE = {
    "mean": [[3.0, 0.4, 0.5]],
    "scale": [[2.0, 0.3, 0.5]],
    "weights": [[0.5, -0.1, -2.0]],
    "intercept": [1.5],
}
NEW = (
    "preprocessing",
    "score",
    "precision",
    "watch",
    "val_groups",
    "per_exit_curve",
    "operating_points",
)


@pytest.fixture
def folder(tmp_path):
    for name, data in CONTENT.items():
        (tmp_path / name).write_bytes(data)
    write(tmp_path, sealed(FIELDS))
    return tmp_path


def write(folder, fields):
    text = json.dumps(fields, indent=1, ensure_ascii=False)
    (folder / "manifest.json").write_text(text, encoding="utf-8")


def first_version():
    return {name: value for name, value in FIELDS.items() if name not in NEW} | {"version": 1}


def test_what_is_read_back(folder):
    fields, contents = read_deployment(folder)
    assert fields == sealed(FIELDS)
    assert contents == CONTENT


def test_version_1_may_lack_the_seal_and_means_the_defaults(folder):
    write(folder, first_version())
    fields, _ = read_deployment(folder)
    assert fields == first_version() | defaults([8, 6, 3])


@pytest.mark.parametrize("version", [0, 3, True, 1.0, "1", None])
def test_only_versions_1_and_2(folder, version):
    write(folder, first_version() | {"version": version})
    with pytest.raises(ManifestError, match=r"manifest.json: version must be 1 … 2, got"):
        read_deployment(folder)


def test_no_seal_in_version_2_and_a_wrong_one_in_any(folder):
    for fields in (FIELDS, sealed(FIELDS) | {"seal": "0" * 64}, first_version() | {"seal": None}):
        write(folder, fields)
        with pytest.raises(ManifestError, match="seal must be the SHA-256 of all other"):
            read_deployment(folder)


def changed_leaves(value):
    """``value`` with one leaf changed, in every way that JSON can be changed by little."""
    if isinstance(value, dict):
        for name in value:
            yield {k: v for k, v in value.items() if k != name}
            yield from (value | {name: changed} for changed in changed_leaves(value[name]))
    elif isinstance(value, list):
        yield value[:-1]
        yield value[::-1] if value[::-1] != value else [*value, 1]
        for n, item in enumerate(value):
            yield from ([*value[:n], changed, *value[n + 1 :]] for changed in changed_leaves(item))
    elif isinstance(value, bool) or value is None:
        yield 0
    elif isinstance(value, str):
        yield value + "x"
    else:
        yield value + 1
        yield -value - 1


def test_every_changed_field_breaks_the_seal(folder):
    whole = sealed(FIELDS)
    count = 0
    for fields in changed_leaves(whole):
        count += 1
        write(folder, fields)
        with pytest.raises(ManifestError):
            read_deployment(folder)
    assert count > 100


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", "x"),
        ("shape", [8, 6, 2]),
        ("shape", [8, 0, 3]),
        ("shape", [8.0, 6, 3]),
        ("mean", [0.5, 0.5]),
        ("mean", [0.5, 0.5, True]),
        ("mean", [0.5, 0.5, 1e40]),
        ("std", [0.5, 0.5, 0]),
        ("std", [0.5, 0.5, -0.1]),
        ("std", [0.5, 0.5, 1e-40]),
        ("std", 0.5),
        ("class_names", ["a", "a"]),
        ("class_names", ["a"]),
        ("class_names", ["a", 7]),
        ("class_names", ["a", "\udce9"]),
        ("entropy_unit", "bits"),
        ("largest_theta", 1.0),
        ("macs", [250, 100]),
        ("macs", [0, 100]),
        ("macs", [100.5, 250]),
        ("macs", []),
        ("teacher_macs", 0),
        ("curve", [[0.0, 0.9]]),
        ("curve", [[0.0, 1.5, 250.0]]),
        ("curve", [[9.0, 0.5, 250.0]]),
        ("curve", [[0.0, 0.5, 99.0]]),
        ("curve", [[1.0, 0.5, 100.0], [0.0, 0.5, 250.0]]),
        ("curve", None),
        ("certified_theta", 1.5),
        ("certified_theta", -0.1),
        ("certificate", None),
        ("certificate", {"harmed": 1}),
        ("files", {}),
        ("files", {name: "0" * 64 for name in network_files(1)}),
        ("files", FIELDS["files"] | {"run.py": "0" * 63}),
        ("files", FIELDS["files"] | {"../run.py": "0" * 64}),
        ("files", FIELDS["files"] | {"/etc/passwd": "0" * 64}),
        ("files", FIELDS["files"] | {"a\\b": "0" * 64}),
        ("files", FIELDS["files"] | {"..": "0" * 64}),
        ("files", FIELDS["files"] | {"": "0" * 64}),
        ("files", FIELDS["files"] | {"manifest.json": "0" * 64}),
        ("preprocessing", FIELDS["preprocessing"] | {"resize": "tile"}),
        ("preprocessing", FIELDS["preprocessing"] | {"channel_order": "BGR"}),
        ("preprocessing", FIELDS["preprocessing"] | {"exif_orientation": False}),
        ("score", FIELDS["score"] | {"temperatures": [1.5]}),
        ("score", FIELDS["score"] | {"temperatures": [1.5, 0]}),
        ("score", FIELDS["score"] | {"gate": GATE}),
        ("score", FIELDS["score"] | {"gate": True}),
        ("score", {"name": "entropy"}),
        ("largest_theta", 0),
        ("precision", "bf16"),
        ("watch", {"validation_scores": [[1]]}),
        ("watch", {"validation_scores": [2, 1]}),
        ("watch", {"validation_scores": [1, 4096]}),
        ("watch", {"validation_scores": []}),
        ("watch", {}),
        ("val_groups", 0),
    ],
)
def test_a_sealed_field_that_breaks_its_rule(name, value):
    with pytest.raises(ManifestError, match=f"^{name} must be .*, got "):
        sealed(copy.deepcopy(FIELDS) | {name: value})


@pytest.mark.parametrize(
    "score",
    [
        {"name": "margin", "temperatures": None, "gate": None},
        {"name": "max_prob", "temperatures": [1.5, 0.5], "gate": None},
        {"name": "gate", "temperatures": None, "gate": GATE},
    ],
)
def test_another_score_has_another_range(score):
    other = {"score": score, "largest_theta": 1.0}
    columns = ["theta", "val_accuracy", "val_mean_macs"]
    whole = sealed(FIELDS | other | {"curve_columns": columns})
    assert whole["score"] == score
    with pytest.raises(ManifestError, match="curve_columns must be the names of its three"):
        sealed(FIELDS | other)
    with pytest.raises(ManifestError, match="certified_theta must be null or a θ in its range"):
        sealed(whole | {"certified_theta": 1.2})


def test_missing_and_unknown_fields():
    less = {name: value for name, value in FIELDS.items() if name != "macs"}
    with pytest.raises(ManifestError, match="fields of version 2, got 'macs' missing"):
        sealed(less)
    with pytest.raises(ManifestError, match="fields of version 2, got 'colour' unknown"):
        sealed(FIELDS | {"colour": 1})
    with pytest.raises(ManifestError, match="fields of version 1, got 'precision' unknown"):
        check_manifest(first_version() | {"precision": "float32"})


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("1e-05", "1E-05", "written as Python writes it, got 1E-05"),
        ("1e-05", "0.00001", "written as Python writes it"),
        ("0.25", "NaN", "written as Python writes it, got NaN"),
        ("0.25", "1e999", "written as Python writes it, got 1e999"),
        ("100,", "-0,", "written as Python writes it, got -0"),
        ('"mean"', '"std"', "a name must stand once in its object"),
        ("{", "[" * 100_000, "must be a readable manifest, got: "),
        ("1000", "1" * 5000, "must be a readable manifest, got: "),
    ],
)
def test_every_value_has_one_spelling(folder, old, new, words):
    path = folder / "manifest.json"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ManifestError, match=words):
        read_deployment(folder)


def test_bytes_that_are_no_utf_8(folder):
    (folder / "manifest.json").write_bytes(b"\xff{}")
    with pytest.raises(ManifestError, match="must be a readable manifest, got: 'utf-8' codec"):
        read_deployment(folder)


@pytest.mark.parametrize("name", [*CONTENT, "manifest.json"])
def test_a_pipe_instead_of_a_file_is_not_opened(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(ManifestError, match=f"{name}: must be a regular file, got another kind"):
        read_deployment(folder)


def test_a_missing_and_a_changed_file(folder):
    (folder / "run.py").write_bytes(b"other")
    with pytest.raises(ManifestError, match=r"run.py: SHA-256 must be [0-9a-f]{64}, got [0-9a-f]"):
        read_deployment(folder)
    (folder / "run.py").unlink()
    with pytest.raises(OSError, match=r"No such file or directory: .*run.py"):
        read_deployment(folder)


def test_it_needs_the_standard_library_alone():
    code = f"import runpy, sys; runpy.run_path({manifest_module.__file__!r}); \
print(sorted(n for n in sys.modules if n.split('.')[0] in ('numpy', 'h5py', 'erde_core')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
