"""Plain networks, early exit, cascades and mixtures, each at its best for a budget."""

from erde.evaluation.budgets import whole_of
from erde.evaluation.envelope import envelope_rows
from erde.evaluation.pairs import Candidate, candidates
from erde.evaluation.precisions import mixed_training
from erde.evaluation.rivals import as_plain
from erde.evaluation.tables import ENVELOPE, RIVALS
from erde.experiment.trainings import PLAIN
from erde.running.job import running
from erde_core.store.exit_logits import read_exit_logits, read_networks

params, inputs = snakemake.params, snakemake.input


def by_name(keys, paths):
    """{name: {seed: exit logits}}"""
    found = {}
    for (name, seed), exits in read_networks(keys, paths).items():
        found.setdefault(name, {})[seed] = exits
    return found


with running(f"{snakemake.wildcards.experiment} · envelope", snakemake.log[0]) as say:
    students = by_name(params.students, inputs.students)
    trained = [Candidate(name, params.ways[name], seeds) for name, seeds in students.items()]
    members = by_name(params.members, inputs.get("members", []))
    trained += [Candidate(name, params.ways[name], seeds) for name, seeds in members.items()]
    if "rivals" in inputs.keys():  # noqa: SIM118 -- Snakemake's Namedlist iterates over values
        macs = {row["rival"]: row["rival_macs"] for row in RIVALS.read(inputs.table)}
        rivals = by_name(params.rivals, inputs.rivals)
        for name, seeds in rivals.items():
            alone = {seed: as_plain(exits, name, macs[name]) for seed, exits in seeds.items()}
            trained.append(Candidate(name, PLAIN, alone))
    kinds = ((f"{c.name}/seed{s}", e.trained) for c in trained for s, e in c.seeds.items())
    if mixed := mixed_training(kinds):
        say(f"caution: {mixed}")
    found = candidates(trained)
    say(f"{len(trained)} trained networks, {len(found) - len(trained)} put together from them")
    own = [exits for seeds in students.values() for exits in seeds.values()]
    whole = whole_of(read_exit_logits(inputs.teacher), own)
    ENVELOPE.write(snakemake.output[0], envelope_rows(whole, found, params.score))
