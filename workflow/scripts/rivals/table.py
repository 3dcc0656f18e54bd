"""Early exit against plain networks of the same cost."""

from erde.evaluation.precisions import mixed_training, trained_in
from erde.evaluation.rivals import rival_rows
from erde.evaluation.tables import RIVALS
from erde.running.job import running
from erde_core.scores.scored_logits import score_networks
from erde_core.store.exit_logits import read_networks
from erde_torch.networks.macs import exit_macs
from erde_torch.networks.rivals.names import rival_exit
from erde_torch.networks.rivals.network import rival_macs
from erde_torch.networks.weights import read_network

params, inputs = snakemake.params, snakemake.input


with running(f"{snakemake.wildcards.experiment} · rivals", snakemake.log[0]) as say:
    macs, budgets = {}, None
    for (rival, _), path in zip(params.rivals, inputs.weights, strict=True):
        network, card = read_network(path)
        macs[rival] = rival_macs(rival, network, tuple(card.image_shape))
        if rival_exit(rival)[0] == "truncated":  # it is the student, cut off later
            budgets = exit_macs(network, tuple(card.image_shape))
    networks = read_networks(params.students, inputs.students)
    students = score_networks(params.score, networks)
    rivals = read_networks(params.rivals, inputs.rivals)
    if mixed := mixed_training([*trained_in(networks), *trained_in(rivals)]):
        say(f"caution: {mixed}")
    RIVALS.write(snakemake.output[0], rival_rows(students, rivals, macs, budgets))
