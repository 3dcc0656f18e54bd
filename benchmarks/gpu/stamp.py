"""On what, and with which settings, a part of the report was measured."""

import argparse
import hashlib
import json
import platform
import shutil
import subprocess
from pathlib import Path

import torch

Stamp = dict[str, object]

_BEGIN, _END = "<!-- ", " -->"
_NO_SETTINGS = ("folder", "part", "limit")  # arguments on which no figure depends
_REPOSITORY = Path(__file__).parents[2]


def stamp(asked: argparse.Namespace) -> Stamp:
    """All that figures depend on: who finds another one measures anew."""
    arguments = {k: v for k, v in vars(asked).items() if k not in _NO_SETTINGS}
    return {**_device(asked.device), "PyTorch": torch.__version__, "commit": commit(), **arguments}


def _device(name: str) -> Stamp:
    if name != "cuda":
        return {"GPU": f"none, {platform.processor() or platform.machine()}"}
    memory = torch.cuda.get_device_properties(0).total_memory
    return {
        "GPU": torch.cuda.get_device_name(),
        "memory": f"{memory / 1e9:.1f} GB",
        "driver": _said("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
        "CUDA": torch.version.cuda,
        "cuDNN": torch.backends.cudnn.version(),
    }


def commit() -> str:
    """Of the code, and of what was changed since; ``unknown`` where there is no git."""
    git = "git", "-C", str(_REPOSITORY)
    found = _said(*git, "rev-parse", "--short=12", "HEAD")
    changes = _said(*git, "diff", "HEAD") if found != "unknown" else "unknown"
    if changes == "unknown":
        return found
    return f"{found} with changes {hashlib.sha256(changes.encode()).hexdigest()[:8]}"


def _said(*command: str) -> str:
    """What a program says; ``unknown`` where there is none, or it has nothing to say."""
    if not shutil.which(command[0]):
        return "unknown"
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return (done.stdout.strip() if done.returncode == 0 else "") or "unknown"


def write_part(path: Path, made: Stamp, text: str) -> None:
    """``text`` below its stamp, whole or not at all."""
    head = f"{_BEGIN}{json.dumps(made, default=str)}{_END}"
    path.with_suffix(".part").write_text(f"{head}\n{text.rstrip()}\n", encoding="utf-8")
    path.with_suffix(".part").replace(path)


def read_part(path: Path) -> tuple[Stamp, str]:
    """Stamp and text of a part; no stamp where it has none, nothing where there is no part."""
    if not path.is_file():
        return {}, ""
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition("\n")
    if not head.startswith(_BEGIN):
        return {}, text
    return json.loads(head.removeprefix(_BEGIN).removesuffix(_END)), rest


def is_made(path: Path, wanted: Stamp) -> bool:
    """Whether the part is finished, and of this stamp."""
    found, _ = read_part(path)
    found = {name: value for name, value in found.items() if name != "date"}
    return found == json.loads(json.dumps(wanted, default=str)) | {"finished": True}


def shown(made: Stamp) -> str:
    """One line for people."""
    if not made:
        return "Measured on an unknown machine, with unknown settings."
    words = [f"{name} {value}" for name, value in made.items() if name != "finished"]
    return "; ".join(words) + ("." if made["finished"] else "; UNFINISHED.")
