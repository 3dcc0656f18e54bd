"""Does all that is shipped decide as the exit logits say, by every score, on a whole test split?

    python -m benchmarks.evaluation.decisions results/digits erde-seed0

Of one trained student of an experiment: by each score, with one θ and with one per early exit, at
ten operating points each; staged PyTorch, the staged ONNX files and the single one.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from erde.deployment.program import PROGRAM_FILES
from erde.deployment.runner import predictor
from erde_core.decisions import spread_thresholds, spread_thresholds_per_exit
from erde_core.scores.fitted import LABELS
from erde_core.scores.scored_logits import score_logits
from erde_core.store.dataset import read_dataset
from erde_core.store.exit_logits import read_exit_logits
from erde_torch.export.agreement import deployment_agreement
from erde_torch.export.folder import write_deployment
from erde_torch.export.manifest import deployment_manifest
from erde_torch.networks.exit_logits import check_made_by
from erde_torch.networks.weights import read_network


def main() -> None:
    """Print a line per score and implementation, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="folder of the experiment's results")
    parser.add_argument("network", help="<variant>-seed<n>")
    options = parser.parse_args()
    student = options.results / "/seed".join(options.network.rsplit("-seed", 1))
    network, card = read_network(student / "weights.safetensors")
    exits = read_exit_logits(student / "exit_logits.h5")
    check_made_by(exits, network, card)
    images, counts = read_dataset(options.results / "data.h5").test, np.zeros(4, int)
    for label in LABELS:
        scored = score_logits(label, exits)
        test, macs, score = scored.test, scored.macs, scored.score
        one = spread_thresholds(test, macs, score)[::2, None].repeat(len(macs) - 1, axis=1)
        each = spread_thresholds_per_exit(test, macs, score)[1::2]
        manifest = deployment_manifest(card, scored, None, options.results.name, options.network)
        with tempfile.TemporaryDirectory() as folder:
            shipped = Path(folder) / options.network
            write_deployment(shipped, network, manifest, PROGRAM_FILES)
            asked = (network, card, predictor(shipped), images, test, macs, score)
            for name, found in deployment_agreement(*asked, np.concatenate([one, each])):
                print(f"{label}, {name}: {found}", flush=True)
                counts += found.decisions, found.near_ties, found.wrong, found.turned
    decisions, near_ties, wrong, turned = counts.tolist()
    print(f"all: {wrong} of {decisions} differ; {near_ties} near-ties, {turned} of them turned")


if __name__ == "__main__":
    main()
