"""A folder to ship: ONNX networks, manifest and program, whole or not at all."""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import onnx

from erde_core.scores.fitted import from_fields
from erde_core.store.files import is_running, write_text
from erde_core.store.manifest import FORMAT, NAME, Fields, network_files, sealed
from erde_torch.export.onnx_graph import single_model, stage_models
from erde_torch.networks.multi_exit import MultiExitNetwork

Models = Mapping[str, onnx.ModelProto]  # by the name of the file


def write_deployment(
    folder: str | os.PathLike[str],
    network: MultiExitNetwork,
    manifest: Fields,
    program_files: Mapping[str, Path],
    check: Callable[[Path], None] = lambda _: None,
) -> None:
    """Write ``network`` as ONNX, the program and ``manifest.json`` into ``folder``.

    As :func:`write_models`, with the models of ``network``, which compute the manifest's score.
    """

    def models() -> Models:
        height, width, channels = manifest["shape"]
        score = from_fields(manifest["score"], len(manifest["class_names"]))
        stages = stage_models(network, (channels, height, width), score)
        names = network_files(len(stages))
        return dict(zip(names, [*stages, single_model(stages)], strict=True))

    write_models(folder, models, manifest, program_files, check)


def write_models(
    folder: str | os.PathLike[str],
    models: Callable[[], Models],
    manifest: Fields,
    program_files: Mapping[str, Path],
    check: Callable[[Path], None] = lambda _: None,
) -> None:
    """Write networks, the program and ``manifest.json`` into ``folder``.

    A deployment that lies there is replaced; all other files in the folder stay. Until everything
    is written and checked, nothing there changes.

    Args:
        folder: may exist.
        models: gives what is shipped; called once the place is known to be free.
        manifest: as ``deployment_manifest`` gives it; hashes of the files and seal are added.
        program_files: what is copied beside the networks, by its name there.
        check: is called with a complete deployment before it gets its place; what it raises stops
            the writing.

    Raises:
        FileExistsError: a file of the same name lies there that is not of a deployment.
        ManifestError: a field of the manifest breaks its rule.
        ValueError: its score is one that PyTorch does not compute.
    """
    folder = Path(os.path.realpath(folder))  # beside what a link points to is room on the same disk
    _check_place(folder, {*network_files(len(manifest["macs"])), *program_files, NAME})
    with _draft_beside(folder) as draft:
        _write_files(draft, models(), manifest, program_files)
        check(draft)
        _publish(draft, folder)


def _write_files(
    draft: Path, models: Models, manifest: Fields, program_files: Mapping[str, Path]
) -> None:
    for name, model in models.items():
        onnx.save(model, draft / name)
    for name, source in program_files.items():
        shutil.copyfile(source, draft / name)
    hashes = {name: _sha256(draft / name) for name in (*models, *program_files)}
    text = json.dumps(sealed(manifest | {"files": hashes}), indent=1, ensure_ascii=False)
    write_text(draft / NAME, text + "\n")


@contextlib.contextmanager
def _draft_beside(folder: Path) -> Iterator[Path]:
    """An empty folder on the same disk, removed in the end; so are those of killed processes."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for leftover in folder.parent.glob(f".{folder.name}.*.tmp"):
        process = leftover.suffixes[-2].removeprefix(".")
        if process.isdecimal() and not is_running(int(process)):
            shutil.rmtree(leftover)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    draft.mkdir()
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _check_place(folder: Path, names: set[str]) -> None:
    if _hashes_noted(folder) is None:
        for name in sorted(names):
            if os.path.lexists(folder / name):
                raise FileExistsError(
                    f"{folder / name}: must be free for the deployment, got a file of another kind"
                )


def _hashes_noted(folder: Path) -> dict[str, str] | None:
    """The SHA-256 of each file of the deployment in ``folder``; None if there is none."""
    try:
        fields = json.loads((folder / NAME).read_text(encoding="utf-8"))
        return dict(fields["files"]) if fields["format"] == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _publish(draft: Path, folder: Path) -> None:
    """Move all of ``draft`` to ``folder``, the manifest first.

    Whoever reads in between, or after a kill, finds hashes that do not fit, and refuses.
    """
    old = _hashes_noted(folder) or {}
    folder.mkdir(exist_ok=True)
    new = sorted(path.name for path in draft.iterdir())
    for name in sorted(new, key=lambda name: name != NAME):
        os.replace(draft / name, folder / name)
    for name in set(old) - set(new):
        # Only what that deployment wrote: a file that was changed since is somebody's.
        path = folder / name
        if path.parent == folder and path.is_file() and _sha256(path) == old[name]:
            path.unlink()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
