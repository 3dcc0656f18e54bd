"""The folder that ships an int8 network: as for float32, from quantised stages."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import onnx

from erde_core.errors import ErdeError
from erde_core.scores.fitted import from_fields
from erde_core.store.manifest import Fields, network_files
from erde_torch.export.folder import write_models
from erde_torch.export.onnx_graph import single_model
from erde_torch.int8.quantise import PRECISION, facts_of
from erde_torch.int8.runtime import session
from erde_torch.int8.score import with_score
from erde_torch.int8.stages import stage_bytes, stages_hash


def write_int8_deployment(
    folder: str | os.PathLike[str],
    stages: Sequence[onnx.ModelProto],
    manifest: Fields,
    program_files: Mapping[str, Path],
    check: Callable[[Path], None] = lambda _: None,
) -> str | None:
    """As :func:`erde_torch.export.folder.write_deployment`, with ``quantisation`` in the manifest.

    The stages compute the manifest's score. ``weights_sha256`` becomes that of the stages as they
    are shipped, which is another one than ``stages`` have where the score is not the entropy.

    Returns:
        None, or why ONNX Runtime does not take the single file, which the folder then lacks.

    Raises:
        ErdeError: the manifest is another network's.
        FileExistsError, ManifestError: as ``write_deployment``.
    """
    if manifest["weights_sha256"] != (own := stages_hash(stages)):
        raise ErdeError(
            f"weights_sha256 must be that of the int8 stages, {own[:12]}, "
            f"got {manifest['weights_sha256'][:12]}: the θ and the curve are another network's"
        )
    stages = with_score(stages, from_fields(manifest["score"], len(manifest["class_names"])))
    models = dict(zip(network_files(len(stages)), stages, strict=False))
    single, reason = taken_single(stages)
    if single is not None:
        models[network_files(len(stages))[-1]] = single
    facts = facts_of(stages[0]) | {"int8_bytes": stage_bytes(stages), "single": reason}
    fields = manifest | {"weights_sha256": stages_hash(stages), "quantisation": facts}
    write_models(folder, lambda: models, fields, program_files, check)
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
