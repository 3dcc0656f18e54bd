"""Ship one student in 8 bits, and compare every decision of it with its own exit logits."""

from pathlib import Path

from erde.deployment.program import INT8_PROGRAM_FILES
from erde.deployment.runner import predictor
from erde.running.job import running
from erde_core.scores.scored_logits import score_logits
from erde_core.store.dataset import read_dataset
from erde_core.store.exit_logits import read_exit_logits
from erde_torch.export.agreement import deployment_agreement
from erde_torch.export.manifest import deployment_manifest
from erde_torch.int8.deployment import write_int8_deployment
from erde_torch.int8.stages import read_stages
from erde_torch.networks.weights import read_network

experiment, folder = snakemake.wildcards.experiment, Path(snakemake.output[0])
with running(f"{experiment} · deploy {folder.name}", snakemake.log[0]) as say:
    _, card = read_network(snakemake.input.weights)
    exits, teacher = (read_exit_logits(snakemake.input[k]) for k in ("exits", "teacher"))
    scored = score_logits(snakemake.params.score, exits)
    stages = read_stages(snakemake.input.stages, exits)
    images = read_dataset(snakemake.input.data).test

    def check(draft):
        predict = predictor(draft)
        compared = deployment_agreement(
            None, card, predict, images, scored.test, scored.macs, scored.score
        )
        for name, agreement in compared:
            say(f"{name}: {agreement}")
            agreement.check(name)

    named = experiment, folder.name, snakemake.params.resize, snakemake.params.pixels_by
    manifest = deployment_manifest(card, scored, int(teacher.macs[-1]) or None, *named)
    reason = write_int8_deployment(folder, stages, manifest, INT8_PROGRAM_FILES, check)
    if reason:
        say(f"warning: there is no single file, ONNX Runtime does not take it: {reason}")
