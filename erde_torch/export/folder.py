"""A folder to ship: ONNX networks, manifest and runner, whole or not at all."""

import json
import os
import shutil
from pathlib import Path

import onnx
from torch import nn

from erde.deployment import runner
from erde_core.store.files import write_text
from erde_torch.export.manifest import Fields, file_hash
from erde_torch.export.onnx_graph import single_model, stage_models


def write_deployment(folder: str | os.PathLike, network: nn.Module, manifest: Fields) -> None:
    """Write the networks, ``run.py`` and, last, ``manifest.json`` into a new ``folder``.

    Args:
        folder: must not exist.
        network: with ``stem``, ``stages`` and ``heads``.
        manifest: as ``deployment_manifest`` gives it; the hashes of all files are added.

    Raises:
        FileExistsError: ``folder`` is there already.
    """
    folder = Path(folder)
    folder.mkdir(parents=True)
    try:
        _write_files(folder, network, manifest)
    except BaseException:
        shutil.rmtree(folder)
        raise


def _write_files(folder: Path, network: nn.Module, manifest: Fields) -> None:
    height, width, channels = manifest["shape"]
    stages = stage_models(network, (channels, height, width))
    models = {f"stage{e}.onnx": model for e, model in enumerate(stages)}
    models["single.onnx"] = single_model(stages)
    for name, model in models.items():
        onnx.save(model, folder / name)
    shutil.copyfile(runner.__file__, folder / "run.py")
    hashes = {name: file_hash(folder / name) for name in (*models, "run.py")}
    text = json.dumps(manifest | {"files": hashes}, indent=1, ensure_ascii=False)
    write_text(folder / "manifest.json", text + "\n")
