"""Would a guard at every early exit see more than the one at the first exit?

    python -m benchmarks.guard.later_exits results/digits/deploy/erde-seed0 \\
        results/digits/data.h5 results/digits/erde/seed0/exit_logits.h5 --budget 0.1x

Each later exit is watched over the images that reach it at this θ, against the validation images
that do. Of G guards each alarms at 20 · G, so that all together still are false in at most 5 %.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.guard.shifts import CHANGES, ORDERS, Images
from erde.deployment.choice import choose_threshold
from erde.deployment.runner import BATCH, Runner
from erde_core import watch
from erde_core.softmax import entropy
from erde_core.store.dataset import read_dataset
from erde_core.store.exit_logits import read_exit_logits

Float64 = NDArray[np.float64]


def scores_of(runner: Runner, images: Images) -> Float64:
    """Every early exit's score of each image, ``(N, E - 1)``, whether it would get there or not."""
    early, found = len(runner.stages) - 1, []
    for start in range(0, len(images), BATCH):
        pixels = images[start : start + BATCH].transpose(0, 3, 1, 2)
        features, columns = pixels * runner.scale - runner.shift, []
        for stage in runner.stages[:early]:
            _, score, features = stage.run(None, {stage.get_inputs()[0].name: features})
            columns.append(score)
        found.append(np.stack(columns, axis=1))
    return np.concatenate(found)


def first_alarm(
    manifest: dict[str, object], validation: Float64, stream: Float64, theta: float, exits: int
) -> float:
    """The image at which one of so many exits' guards raises its alarm; infinite if none does."""
    limit, largest, found = watch.ALARM * exits, float(str(manifest["largest_theta"])), [np.inf]
    before = np.log((limit - watch.RESERVE) / (1 - watch.RESERVE)) - 1e-9
    with patch.multiple(watch, ALARM=limit, _BEFORE_ALARM=before):
        for e in range(exits):
            there, here = (
                np.flatnonzero((s[:, :e] >= theta).all(axis=1)) for s in (validation, stream)
            )
            levels = [watch.level_of(score, largest) for score in validation[there, e]]
            guard = watch.Watch(manifest | {"watch": {"validation_scores": sorted(levels)}})
            guard.update(stream[here, e])
            if guard.alarm is not None:
                found.append(float(here[guard.alarm - 1] + 1))
    return min(found)


def row(alarms: Sequence[float]) -> str:
    """Share of the streams with an alarm, and the median of its image."""
    return f"{np.isfinite(alarms).mean():.0%}, {np.quantile(alarms, 0.5, method='inverted_cdf'):g}"


def main() -> None:
    """Print a row per change."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("deployment", type=Path)
    parser.add_argument("data", type=Path, help="data.h5 of its experiment")
    parser.add_argument("logits", type=Path, help="exit logits of its network, by entropy")
    parser.add_argument("--budget", default="0.1x")
    options = parser.parse_args()
    runner, test = Runner(options.deployment), read_dataset(options.data).test
    theta = choose_threshold(runner.manifest, budget=options.budget)
    assert isinstance(theta, float)
    validation = entropy(read_exit_logits(options.logits).val.logits)[:, :-1]
    exits = validation.shape[1]
    reach = [int((validation[:, :e] >= theta).all(axis=1).sum()) for e in range(exits)]
    print(f"θ = {theta:.4g}; validation images that reach each early exit: {reach}")
    print(f"| change | first exit alone | {exits} exits |\n|---|---|---|")
    streams = {name: change(test.images) for name, change in CHANGES.items()}
    classes = len(runner.manifest["class_names"])
    streams |= {
        f"only the first {n} classes": test.images[test.labels < n] for n in (classes // 2, 2)
    }
    for name, images in streams.items():
        scores, alarms = scores_of(runner, images), []
        for seed in range(ORDERS):
            stream = np.random.default_rng(seed).permutation(scores)
            alarms.append(
                [first_alarm(runner.manifest, validation, stream, theta, n) for n in (1, exits)]
            )
        one, each = zip(*alarms, strict=True)
        print(f"| {name} | {row(one)} | {row(each)} |")


if __name__ == "__main__":
    main()
