"""Classify images with early exits; needs this folder, NumPy and ONNX Runtime (Pillow for images).

A deployment carries this file along as ``run.py``, to be run, or imported from any package.
"""

import argparse
import csv
import importlib.util
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

# Else the first import of ONNX Runtime writes a device number and a data base into the home folder.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime as ort

if TYPE_CHECKING or __package__ == "erde.deployment":  # in any other package it is carried along
    from erde.datasets import image_file as image_reader
    from erde.deployment import pillow_version, processor
    from erde_core.store import cells, int8, manifest
else:

    def beside(name: str) -> ModuleType:
        """The module of this folder, whatever lies on Python's path."""
        path = Path(__file__).with_name(f"{name}.py")
        spec = importlib.util.spec_from_file_location(name, path)  # no dot: it is in no package
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    cells, image_reader = map(beside, ("cells", "image_reader"))
    manifest, pillow_version = map(beside, ("manifest", "pillow_version"))
    if Path(__file__).with_name("int8.py").exists():  # only beside a network in 8 bits
        int8, processor = map(beside, ("int8", "processor"))

BATCH = 64
Answers = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]
Logits = tuple[NDArray[np.float32], NDArray[np.int64]]
Theta = float | Sequence[float] | NDArray[np.float64]  # for all early exits, or one for each
Scored = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]


def must(holds: bool, rule: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{rule}, got {value}")


class Runner:
    """A deployment in use; threads may share one.

    Attributes:
        manifest: its fields; ``manifest["curve"]`` has a row of θ (in nats, by entropy), accuracy
            and mean MACs on the validation split for each operating point worth choosing.
    """

    def __init__(self, folder: str | os.PathLike[str], threads: int = 1) -> None:
        """Verify and load ``folder``; a ValueError says in one sentence what is wrong with it."""
        most = max(16, os.cpu_count() or 1)
        must(1 <= threads <= most, f"threads must lie in 1 … {most}", threads)
        self.manifest, files = manifest.read_deployment(folder)
        if self.manifest["precision"] == "int8":
            int8.check_int8(self.manifest)
            processor.warn_if_slow(self.manifest["quantisation"]["reduce_range"])
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        # Idle threads that spin would take the cores from the next session.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        m, cpu = self.manifest, ["CPUExecutionProvider"]
        std, mean = (np.array(m[k], np.float32).reshape(-1, 1, 1) for k in ("std", "mean"))
        with np.errstate(over="ignore"):  # what overflows ends in logits that are refused
            self.scale, self.shift = 1 / (std * 255), mean / std
        names = [n for n in manifest.network_files(len(m["macs"])) if n in files]
        try:
            sessions = [ort.InferenceSession(files[n], options, cpu) for n in names]
        except Exception as error:  # it has an error of its own for each kind of trouble
            reason = " ".join(str(error).split())
            raise ValueError(
                f"{folder}: ONNX Runtime {ort.__version__} must load the networks, got: {reason}"
            ) from None
        for name, one in zip(names, sessions, strict=True):
            kind = one.get_modelmeta().custom_metadata_map.get("precision", "float32")
            must(kind == m["precision"], f"{folder}/{name}: must be in {m['precision']}", kind)
        # ONNX Runtime may not take the single file in 8 bits; there is none then.
        *self.stages, self.single = sessions if "single.onnx" in files else [*sessions, None]
        # Only the last stage answers alone; images that no stage lets leave would have no answer.
        early = [len(stage.get_outputs()) > 1 for stage in self.stages]
        inputs = self.single.get_inputs() if self.single else []
        sizes = [one.shape[0] for one in inputs if one.name == "thresholds"]
        fits = not early[-1] and all(early[:-1]) and all(n == len(early) - 1 for n in sizes)
        must(fits, f"{folder}: macs must have one number per exit of the networks", len(m["macs"]))

    def predict(self, pixels: NDArray[np.uint8], theta: Theta | None = None) -> Answers:
        """Class, its probability and the exit taken, ``(N,)`` each.

        Args:
            pixels: uint8 ``(N, H, W, channels)``, N >= 1.
            theta: in the score's unit (nats), one or one per early exit; if left out, as certified.

        Raises:
            ValueError: θ is out of its range or missing, images are of another kind, or an answer
                is not finite.
        """
        logits, exits = self.logits(pixels, theta)
        highest = logits.max(1, keepdims=True)
        return logits.argmax(1), 1 / np.exp(logits - highest).sum(1), exits

    def logits(self, pixels: NDArray[np.uint8], theta: Theta | None = None) -> Logits:
        """Logits ``(N, C)`` of the exit taken, and that exit ``(N,)``; as :meth:`predict`."""
        return self.scored(pixels, theta)[:2]

    def scored(self, pixels: NDArray[np.uint8], theta: Theta | None = None) -> Scored:
        """As :meth:`logits`, and the first exit's score ``(N,)``, for ``watch.Watch``.

        NaN where the network has no early exit, or an older program wrote the deployment.
        """
        m, count = self.manifest, len(pixels)
        limits = manifest.thresholds(m, theta)
        fits = pixels.dtype == np.uint8 and list(pixels.shape[1:]) == m["shape"] and count > 0
        must(fits, f"images must be uint8 (N, *{m['shape']})", f"{pixels.dtype} {pixels.shape}")
        with np.errstate(over="ignore", invalid="ignore"):
            x = np.multiply(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)), self.scale)
            x -= self.shift  # in place: one more array takes longer than this does
        logits, exits, first = (self._one if count == 1 and self.single else self._many)(x, limits)
        odd = np.flatnonzero(~np.isfinite(logits).all(1))
        must(not len(odd), "logits must be finite", f"others for image {odd[:1]} of these {count}")
        return logits, exits, first

    def _one(self, x: NDArray[np.float32], limits: list[float]) -> Scored:
        logits, exits, *first = self.single.run(None, {"images": x, "thresholds": np.array(limits)})
        return logits, exits, first[0] if first else np.full(1, np.nan)

    def _many(self, x: NDArray[np.float32], limits: list[float]) -> Scored:
        logits = np.empty((len(x), len(self.manifest["class_names"])), np.float32)
        exits, waiting, more = np.empty(len(x), int), np.arange(len(x)), [x]
        first = np.full(len(x), np.nan)
        for e, stage in enumerate(self.stages):
            if len(waiting):
                said, *more = stage.run(None, {stage.get_inputs()[0].name: more[-1]})
                leaves = more[0] < limits[e] if more else np.ones(len(waiting), bool)
                first = more[0] if more and not e else first
                if leaves.any():  # else nothing is copied
                    logits[waiting[leaves]], exits[waiting[leaves]] = said[leaves], e
                    waiting, more = waiting[~leaves], [part[~leaves] for part in more]
        return logits, exits, first


def predictor(
    folder: str | os.PathLike[str], threads: int = 1
) -> Callable[[NDArray[np.uint8], Theta], Answers]:
    """``predict`` of the deployment in ``folder``."""
    return Runner(folder, threads).predict


def batches(path: Path, shape: list[int], resize: str) -> Iterator[NDArray[np.uint8]]:
    """The images of an ``.npy`` file, or an image file, in parts of at most ``BATCH``."""
    if path.suffix == ".npy":
        must(path.is_file() or not path.exists(), f"{path}: must be a regular file", "another kind")
        pixels: NDArray[np.uint8] = np.lib.format.open_memmap(path, mode="r")
        fits = pixels.ndim == 4 and len(pixels) > 0
        must(fits, f"{path}: images must be uint8 (N, *{shape})", f"{pixels.dtype} {pixels.shape}")
    else:
        pixels = image_reader.read_image(path, (shape[0], shape[1]), shape[2], resize)[None]
    yield from (pixels[n : n + BATCH] for n in range(0, len(pixels), BATCH))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help=".npy of uint8 (N, H, W, C), or an image file")
    parser.add_argument("--theta", help='as in the manifest\'s "curve"; or A,B,… per early exit')
    warnings.formatwarning = lambda message, *_, **__: f"run.py: warning: {message}\n"
    options, runner = parser.parse_args(), Runner(Path(__file__).parent)
    m = runner.manifest
    theta = None if options.theta is None else manifest.thresholds(m, options.theta)
    pillow_version.warn_of_another_pillow(m["versions"], options.images)
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr] # always a text file here
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(("class", "probability", "exit", "macs"))
    for part in batches(options.images, m["shape"], m["preprocessing"]["resize"]):
        for label, p, e in zip(*runner.predict(part, theta), strict=True):
            table.writerow((cells.guarded(m["class_names"][label]), f"{p:.6f}", e, m["macs"][e]))
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # whoever reads has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)  # as the shell says of a program that SIGPIPE ended
    except (OSError, ValueError) as error:
        print(f"run.py: error: {error}", file=sys.stderr)
        sys.exit(1)
