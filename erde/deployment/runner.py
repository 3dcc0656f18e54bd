"""Classify images with early exits; needs this folder, numpy and onnxruntime, nothing else."""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort


def must(holds: bool, rule: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{rule}, got {value}")


class Runner:
    def __init__(self, folder: Path, threads: int = 1) -> None:
        self.manifest = m = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        must(m["version"] <= 1, f"{folder}: manifest version must be at most 1", m["version"])
        for name, noted in m["files"].items():
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            must(found == noted, f"{folder / name}: SHA-256 must be {noted}", found)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        # Idle threads that spin would take the cores from the next session.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        std, mean = (np.float32(m[k]).reshape(-1, 1, 1) for k in ("std", "mean"))
        self.scale, self.shift = 1 / (std * 255), mean / std
        names, cpu = [f"stage{e}.onnx" for e in range(len(m["macs"]))], ["CPUExecutionProvider"]
        sessions = (ort.InferenceSession(folder / n, options, cpu) for n in [*names, "single.onnx"])
        *self.stages, self.single = sessions

    def predict(self, pixels: np.ndarray, theta: float | None = None) -> tuple[np.ndarray, ...]:
        """Class, probability and exit, (N,) each; threads may share a Runner."""
        m, last, count = self.manifest, len(self.stages) - 1, len(pixels)
        theta = m["certified_theta"] if theta is None else theta
        in_range = theta is not None and 0 <= theta <= m["largest_theta"]
        must(in_range, f"theta must be certified or given, 0 … {m['largest_theta']:.4f}", theta)
        fits = pixels.dtype == np.uint8 and list(pixels.shape[1:]) == m["shape"] and count > 0
        must(fits, f"images must be uint8 (N, *{m['shape']})", f"{pixels.dtype} {pixels.shape}")
        x = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)) * self.scale - self.shift
        logits, exits = np.empty((count, len(m["class_names"])), np.float32), np.empty(count, int)
        if count == 1:
            logits, exits = self.single.run(None, {"images": x, "thresholds": np.full(last, theta)})
        waiting, more = np.arange(count if count > 1 else 0), [x]
        for e, stage in enumerate(self.stages):
            if len(waiting):
                said, *more = stage.run(None, {stage.get_inputs()[0].name: more[-1]})
                leaves = more[0] < theta if more else np.ones(len(waiting), bool)
                if leaves.any():  # else nothing is copied
                    logits[waiting[leaves]], exits[waiting[leaves]] = said[leaves], e
                    waiting, more = waiting[~leaves], [part[~leaves] for part in more]
        return logits.argmax(1), 1 / np.exp(logits - logits.max(1, keepdims=True)).sum(1), exits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help=".npy of uint8 (N, H, W, C), or an image file")
    parser.add_argument("--theta", type=float, help='nats, as in the manifest\'s "curve"')
    options, runner = parser.parse_args(), Runner(Path(__file__).parent)
    m = runner.manifest
    if options.images.suffix == ".npy":
        pixels = np.load(options.images)
    else:
        from PIL import Image

        image = Image.open(options.images).convert({1: "L", 3: "RGB"}[m["shape"][2]])
        pixels = np.atleast_3d(image)[None]
    print("class,probability,exit,macs")
    for part in np.array_split(pixels, max(1, len(pixels) // 64)):
        for label, p, e in zip(*runner.predict(part, options.theta), strict=True):
            print(f"{m['class_names'][label]},{p:.6f},{e},{m['macs'][e]}")


if __name__ == "__main__":
    sys.tracebacklimit = 0  # an error is its sentence
    main()
