"""The manifest's rows with one θ per early exit, which exporters of version 2 once did not know."""

import pytest

from erde_core.store.manifest import ManifestError, network_files, read_deployment, sealed
from tests.erde_core.store.test_manifest import CONTENT, FIELDS, write

PER_EXIT = [[[0.5, 0.0], 0.7, 150.0], [[0.0, 0.2], 0.9, 250.0]]


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


def test_an_exporter_of_version_2_that_did_not_know_them(tmp_path):
    earlier = {name: value for name, value in FIELDS.items() if name != "per_exit_curve"}
    for name, data in CONTENT.items():
        (tmp_path / name).write_bytes(data)
    write(tmp_path, sealed(earlier))
    assert read_deployment(tmp_path)[0] == sealed(earlier) | {"per_exit_curve": []}
