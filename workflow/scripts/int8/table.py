"""What 8 bits cost the students that the report shows: accuracy at each budget, and size."""

from erde.evaluation.int8 import int8_rows
from erde.evaluation.pareto import check_comparable, in_int8
from erde.evaluation.tables import INT8
from erde.running.job import running
from erde_core.scores.scored_logits import score_networks
from erde_core.store.exit_logits import read_exit_logits, read_networks
from erde_torch.int8.quantise import facts_of
from erde_torch.int8.stages import read_stages, stage_bytes

with running(f"{snakemake.wildcards.experiment} · int8", snakemake.log[0]) as say:
    inputs, teacher = snakemake.input, read_exit_logits(snakemake.input.teacher)
    networks = read_networks(snakemake.params.students, inputs.students)
    networks = score_networks(snakemake.params.score, networks)
    check_comparable(teacher, networks)
    sizes = {}
    for (key, network), folder in zip(in_int8(networks).items(), inputs.stages, strict=True):
        stages = read_stages(folder, network)
        sizes[key] = (facts_of(stages[0])["float32_bytes"], stage_bytes(stages))
    rows = int8_rows(teacher, networks, sizes)
    INT8.write(snakemake.output[0], rows)
    for row in rows:
        if row["difference"] is not None:
            say(f"{row['teacher_share']}: {100 * row['difference']:+.2f} points against float32")
