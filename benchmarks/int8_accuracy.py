"""What 8 bits cost trained networks, and what was tried against it: a table of docs/deploy.md.

    python -m benchmarks.int8_accuracy results/digits
    python -m benchmarks.int8_accuracy results/digits --networks kd/seed0 teacher --tried default

Reads the folder of an experiment, finished or under way, and writes nothing there: the networks of
any clone can be judged. For the workflow's own rows: docs/deploy.md, "In 8 bits".
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks.int8_attempts import attempted
from erde.evaluation.choice import choose_for_budget
from erde.evaluation.differences.comparison import difference_row
from erde.evaluation.differences.resample import RESAMPLES
from erde.evaluation.pareto import TEACHER_SHARES
from erde_core.policy import exit_indices
from erde_core.scores.scored_logits import score_logits
from erde_core.softmax import entropy, log_softmax
from erde_core.statistics.bootstrap import group_weights
from erde_core.store.dataset import read_dataset
from erde_core.store.exit_logits import ExitLogits, SplitLogits, read_exit_logits
from erde_torch.export.onnx_graph import stage_models
from erde_torch.int8.exit_logits import split_logits
from erde_torch.int8.quantise import calibration_images, middle
from erde_torch.int8.runtime import normalised
from erde_torch.int8.settings import Int8Settings
from erde_torch.networks.weights import read_network

OLD = {"correct_biases": False}
TRIED = {
    "default": {},
    "biases as they were": {"settings": OLD},
    "percentile": {"settings": OLD | {"method": "percentile"}},
    "entropy": {"settings": OLD | {"method": "entropy"}},
    "stem and first head in float32": {"settings": OLD, "ends": True},
    "equalised": {"settings": OLD, "equal": True},
    "full range": {"settings": OLD | {"reduce_range": False}},
}


def in_8_bits(stages, card, dataset, float32, tried):
    """Exit logits of a network in 8 bits, as one of ``TRIED`` makes it."""
    options = dict(tried)
    settings = Int8Settings(**options.pop("settings", {}))
    pixels = middle(calibration_images(dataset.train.images, settings.images), card.image_shape)
    if options.pop("ends", False):
        layers = [n.name for n in stages[0].graph.node if n.op_type in ("Conv", "Gemm")]
        options["left"] = [layers[0], layers[-1]]
    made = attempted(stages, normalised(pixels, card), settings, **options)
    parts = [
        SplitLogits(split_logits(made, card, split.images), split.labels, split.group)
        for split in (dataset.val, dataset.test)
    ]
    return ExitLogits(*parts, float32.macs, float32.dataset, "0" * 64, "int8")


def divergence(float32, int8):
    """Of the int8 answers from those in float32 on validation, nats, mean over images and exits."""
    p, q = (log_softmax(part.val.logits.astype(np.float64)) for part in (float32, int8))
    return float((np.exp(p) * (p - q)).sum(axis=2).mean())


def in_turn(scores, counts):
    """The exits of images where as many leave at each exit as ``counts`` says, surest first."""
    exits, left = np.full(len(scores), len(counts) - 1), np.arange(len(scores))
    for e, count in enumerate(counts[:-1]):
        order = left[np.argsort(scores[left, e], kind="stable")]
        exits[order[:count]], left = e, order[count:]
    return exits


def right(split, exits):
    return split.logits[np.arange(len(exits)), exits].argmax(axis=1) == split.labels


def differences(float32, int8, budget):
    """int8 minus float32 per test image, ``(2, N)``: each at a θ of its own; at equal exit shares.

    None where a network cannot be that cheap.
    """
    chosen = [choose_for_budget(score_logits("entropy", n), budget) for n in (float32, int8)]
    if any(choice.threshold is None for choice in chosen):
        return None
    scores = [entropy(network.test.logits) for network in (float32, int8)]
    exits, own = (exit_indices(s, c.threshold) for s, c in zip(scores, chosen, strict=True))
    equal = in_turn(scores[1], np.bincount(exits, minlength=scores[1].shape[1]))
    before = right(float32.test, exits).astype(float)
    return np.array([right(int8.test, found) - before for found in (own, equal)])


def show(tried, teacher, pairs):
    """One line per share of the teacher's MACs."""
    group = teacher.test.group
    weights = group_weights(group, RESAMPLES, seed=0)
    nats = np.mean([divergence(*pair) for pair in pairs])
    for share in TEACHER_SHARES:
        found = [differences(*pair, teacher.macs[-1] / share) for pair in pairs]
        found = [one for one in found if one is not None]
        cells = []
        for kind in range(2) if found else ():
            per_image = np.array([one[kind] for one in found])
            row = difference_row(per_image, weights, group)
            ends = [row["seed_lowest"], row["seed_highest"]]
            ends = [row["these_seeds_low"], row["these_seeds_high"], *ends]
            low, high, least, most = (float("nan") if end is None else 100 * end for end in ends)
            mean = 100 * row["difference"]
            cells.append(f"{mean:+.2f} ({low:+.2f} … {high:+.2f}) [{least:+.2f} … {most:+.2f}]")
        print(
            f"| {tried} | {nats:.5f} | 1/{share} | {len(found)} | {' | '.join(cells)} |", flush=True
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="folder of an experiment")
    parser.add_argument("--networks", nargs="+", help="<variant>/seed<n>; all, where not given")
    parser.add_argument("--tried", nargs="+", choices=tuple(TRIED), default=list(TRIED))
    options = parser.parse_args()
    teacher = read_exit_logits(options.results / "teacher/exit_logits.h5")
    dataset = read_dataset(options.results / "data.h5")
    finished = sorted(options.results.glob("*/seed*/weights.safetensors"))
    folders = [options.results / name for name in options.networks or ()]
    folders = folders or [
        path.parent for path in finished if (path.parent / "exit_logits.h5").exists()
    ]
    known = []
    for folder in folders:
        network, card = read_network(folder / "weights.safetensors")
        float32 = read_exit_logits(folder / "exit_logits.h5")
        known.append((stage_models(network, card.image_shape), card, float32))
    print("networks:", ", ".join(str(folder.relative_to(options.results)) for folder in folders))
    print("| tried | divergence, nats | share | networks | own θ | equal exit shares |")
    for tried in options.tried:
        pairs = [
            (float32, in_8_bits(stages, card, dataset, float32, TRIED[tried]))
            for stages, card, float32 in known
        ]
        show(tried, teacher, pairs)


if __name__ == "__main__":
    main()
