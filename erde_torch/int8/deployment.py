"""The folder that ships an int8 network: as for float32, from quantised stages."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import onnx

from erde_core.store.manifest import Fields, network_files
from erde_torch.export.folder import write_models
from erde_torch.export.onnx_graph import single_model
from erde_torch.int8.quantise import PRECISION, facts_of
from erde_torch.int8.runtime import session
from erde_torch.int8.stages import stage_bytes


def write_int8_deployment(
    folder: str | os.PathLike[str],
    stages: Sequence[onnx.ModelProto],
    manifest: Fields,
    program_files: Mapping[str, Path],
    check: Callable[[Path], None] = lambda _: None,
) -> str | None:
    """As :func:`erde_torch.export.folder.write_deployment`, with ``quantisation`` in the manifest.

    Returns:
        None, or why ONNX Runtime does not take the single file, which the folder then lacks.

    Raises:
        FileExistsError, ManifestError: as ``write_deployment``.
    """
    models = dict(zip(network_files(len(stages)), stages, strict=False))
    single, reason = taken_single(stages)
    if single is not None:
        models[network_files(len(stages))[-1]] = single
    facts = facts_of(stages[0]) | {"int8_bytes": stage_bytes(stages), "single": reason}
    write_models(folder, lambda: models, manifest | {"quantisation": facts}, program_files, check)
    return reason


def taken_single(
    stages: Sequence[onnx.ModelProto],
) -> tuple[onnx.ModelProto | None, str | None]:
    """All stages as one graph with ``If``, or None and ONNX Runtime's reason not to take it."""
    model = single_model(list(stages))
    onnx.helper.set_model_props(model, {PRECISION: "int8"})
    try:
        session(model)
    except Exception as error:  # it has an error of its own for each operator that it does not take
        return None, " ".join(str(error).split())
    return model, None
