"""Fields of version 2 that its first exporters did not know: rows of what validation showed."""

import pytest

from erde_core.store.manifest import ManifestError, network_files, read_deployment, sealed
from tests.erde_core.store.test_manifest import CONTENT, FIELDS, write

PER_EXIT = [[[0.5, 0.0], 0.7, 150.0], [[0.0, 0.2], 0.9, 250.0]]
POINTS = FIELDS["operating_points"]


@pytest.mark.parametrize(
    "odd",
    [
        PER_EXIT[::-1],
        [[[0.5], 0.7, 150.0]],
        [[[0.5, 9.0], 0.7, 150.0]],
        [[0.5, 0.7, 150.0]],
        [[[0.5, 0.0], 1.7, 150.0]],
        [[[0.5, 0.0], 0.7, 99.0]],
        [[[0.5, 0.0], 0.7]],
        None,
    ],
)
def test_a_theta_for_each_early_exit(odd):
    three = FIELDS | {"macs": [100, 200, 250]}
    three["files"] = {name: "0" * 64 for name in network_files(3)}
    assert sealed(three | {"per_exit_curve": PER_EXIT})["per_exit_curve"] == PER_EXIT
    with pytest.raises(ManifestError, match=r"^per_exit_curve must be rows, cheap to dear"):
        sealed(three | {"per_exit_curve": odd})


@pytest.mark.parametrize(
    "odd",
    [
        POINTS[::-1],
        [row[:3] for row in POINTS],
        [[9.0, *row[1:]] for row in POINTS],
        [[0.0, 0.9, 250.0, 0.7, 0.89], POINTS[1]],  # less than its own point
        [[0.0, 0.9, 250.0, 0.91, 0.9], POINTS[1]],
        [[0.0, 0.9, 250.0, 0.85, 0.9], POINTS[1]],  # the next point is lower
        [POINTS[0], [1.0, 0.8, 100.0, 0.8, 1.1]],
        [POINTS[0], [1.0, 0.8, 99.0, 0.8, 0.8]],
        [[0.0, 0.9, 100.0, 0.7, 0.9], [1.0, 0.8, 250.0, 0.8, 0.8]],  # dearer at a looser θ
        [*POINTS, None],
        None,
    ],
)
def test_the_operating_points(odd):
    assert sealed(FIELDS | {"operating_points": []})["operating_points"] == []
    with pytest.raises(ManifestError, match=r"^operating_points must be rows of θ, accuracy"):
        sealed(FIELDS | {"operating_points": odd})


@pytest.mark.parametrize("name", ["per_exit_curve", "operating_points"])
def test_an_exporter_of_version_2_that_did_not_know_them(tmp_path, name):
    earlier = {field: value for field, value in FIELDS.items() if field != name}
    for file, data in CONTENT.items():
        (tmp_path / file).write_bytes(data)
    write(tmp_path, sealed(earlier))
    assert read_deployment(tmp_path)[0] == sealed(earlier) | {name: []}
