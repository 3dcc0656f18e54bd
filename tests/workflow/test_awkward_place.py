"""Clones and environments in places that people really have."""

import os
import subprocess
import sys
import sysconfig
import venv

from tests.workflow.conftest import TINY, copy_repository


def test_a_clone_with_a_space_in_its_path_and_its_environment_inside(tmp_path):
    root = tmp_path / "my clone"
    root.mkdir()
    checkout = copy_repository(root)
    checkout.write_experiment("tiny", TINY)
    venv.create(root / ".venv", with_pip=False)
    packages = next(root.glob(".venv/lib/python*/site-packages"))
    ours = [p for p in sys.path if p.endswith("site-packages")] + [sysconfig.get_path("purelib")]
    (packages / "beside.pth").write_text("\n".join([str(root), *dict.fromkeys(ours)]), "utf-8")
    target = "results/tiny/data.h5"
    done = subprocess.run(
        [root / ".venv/bin/python", "-m", "snakemake", "--cores", "1", target],
        cwd=root,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (root / target).exists()
