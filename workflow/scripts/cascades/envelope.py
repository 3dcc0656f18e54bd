"""Plain networks, early exit, cascades and mixtures, each at its best for a budget."""

from erde.evaluation.budgets import whole_of
from erde.evaluation.envelope import envelope_rows
from erde.evaluation.pairs import Candidate, candidates
from erde.evaluation.precisions import mixed_training
from erde.evaluation.rivals import as_plain
from erde.evaluation.tables import ENVELOPE
from erde.experiment.trainings import PLAIN
from erde.running.job import running
from erde_core.store.exit_logits import read_exit_logits, read_networks
from erde_torch.networks.rivals.network import rival_macs
from erde_torch.networks.weights import read_network

params, inputs = snakemake.params, snakemake.input


def by_name(keys, paths):
    """{name: {seed: exit logits}}"""
    found = {}
    for (name, seed), exits in read_networks(keys, paths).items():
        found.setdefault(name, {})[seed] = exits
    return found


def macs_of(rival, path):
    """Not those of rivals.csv, which knows only rivals that a variant can be held against."""
    network, card = read_network(path)
    return rival_macs(rival, network, tuple(card.image_shape))


with running(f"{snakemake.wildcards.experiment} · envelope", snakemake.log[0]) as say:
    students = by_name(params.students, inputs.students)
    trained = [Candidate(name, params.ways[name], seeds) for name, seeds in students.items()]
    members = by_name(params.members, inputs.get("members", []))
    trained += [Candidate(name, params.ways[name], seeds) for name, seeds in members.items()]
    rivals = by_name(params.rivals, inputs.get("rivals", []))
    weights = dict(zip(params.rivals, inputs.get("weights", []), strict=True))
    for name, seeds in rivals.items():
        alone = {s: as_plain(e, name, macs_of(name, weights[name, s])) for s, e in seeds.items()}
        trained.append(Candidate(name, PLAIN, alone))
    kinds = ((f"{c.name}/seed{s}", e.trained) for c in trained for s, e in c.seeds.items())
    if mixed := mixed_training(kinds):
        say(f"caution: {mixed}")
    found = candidates(trained)
    say(f"{len(trained)} trained networks, {len(found) - len(trained)} put together from them")
    own = [exits for seeds in students.values() for exits in seeds.values()]
    whole = whole_of(read_exit_logits(inputs.teacher), own)
    ENVELOPE.write(snakemake.output[0], envelope_rows(whole, found, params.score))
