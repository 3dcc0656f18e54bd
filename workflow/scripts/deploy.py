"""Export one student, and compare every decision of what was exported with the exit logits."""

from pathlib import Path

from erde.deployment.program import PROGRAM_FILES
from erde.deployment.runner import predictor
from erde.running.job import running
from erde_core.scores.scored_logits import score_logits
from erde_core.store.dataset import read_dataset
from erde_core.store.exit_logits import read_exit_logits
from erde_torch.device import set_threads
from erde_torch.export.agreement import deployment_agreement
from erde_torch.export.folder import write_deployment
from erde_torch.export.manifest import deployment_manifest
from erde_torch.networks.exit_logits import check_made_by
from erde_torch.networks.weights import read_network

experiment, folder = snakemake.wildcards.experiment, Path(snakemake.output[0])
with running(f"{experiment} · deploy {folder.name}", snakemake.log[0]) as say:
    set_threads(snakemake.threads)
    network, card = read_network(snakemake.input.weights)
    exits, teacher = (read_exit_logits(snakemake.input[k]) for k in ("exits", "teacher"))
    check_made_by(exits, network, card)
    scored = score_logits(snakemake.params.score, exits)
    images = read_dataset(snakemake.input.data).test

    def check(draft):
        predict = predictor(draft)
        compared = deployment_agreement(
            network, card, predict, images, scored.test, scored.macs, scored.score
        )
        for name, agreement in compared:
            say(f"{name}: {agreement}")
            agreement.check(name)

    whole = int(teacher.macs[-1]) or None
    named = experiment, folder.name, snakemake.params.resize, snakemake.params.pixels_by
    manifest = deployment_manifest(card, scored, whole, *named)
    write_deployment(folder, network, manifest, PROGRAM_FILES, check)
