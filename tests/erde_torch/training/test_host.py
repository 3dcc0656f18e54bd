"""The identity of a computation: everything that its result depends on, and nothing else."""

import torch

from tests.hosts import own_host

CPU = torch.device("cpu")


def test_identity_depends_on_parts_code_and_torch(tmp_path, monkeypatch):
    def identity(code="code", **parts):
        return own_host(tmp_path, code, 1.0, print).identity(**parts)

    found = [identity(), identity(seed=1), identity(seed=2), identity("other", seed=1)]
    monkeypatch.setattr(torch, "__version__", "0.0")
    found.append(identity(seed=1))
    assert len(set(found)) == 5


def test_identity_does_not_depend_on_folder_or_order(tmp_path):
    here = own_host(tmp_path, "code", 1.0, print).identity(seed=1, loss={"a": 1, "b": 2})
    there = own_host(tmp_path / "x", "code", 9.0, repr).identity(loss={"b": 2, "a": 1}, seed=1)
    assert here == there
