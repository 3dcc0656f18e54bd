# The hash of the code that a job runs, by which Snakemake knows whether it is still the same.
from erde.running.asking.teacher_facts import kind_of
from erde.running.code_hash import score_modules
from erde.running.planned.recipe import Recipe, tree_hash

# Of the code hashes that jobs are given, and what the code was before any of them was made.
RECIPES = {}
TREE = None if workflow.remote_exec else tree_hash(REPOSITORY)


@functools.cache
def hash_of(recipe):
    found = recipe.code_hash(REPOSITORY)
    RECIPES[found] = recipe
    return found


def code(*modules):
    return hash_of(Recipe(modules))


def code_with(parts, *modules, scored=False):
    """A params function: the code of ``modules`` and of the networks of ``parts``.

    ``parts`` holds ``teacher``, ``student`` or networks, or is a function of the wildcards.
    ``scored``: the job uses the score that images leave by.
    """

    def hashed(wildcards):
        exp = experiment(wildcards.experiment)
        named = parts(wildcards) if callable(parts) else parts
        given = exp.given_teacher if "teacher" in named else None
        named = [p for p in named if p != "teacher" or is_network(exp.teacher)]
        found = [getattr(exp, p).network if isinstance(p, str) else p for p in named]
        names = tuple(member.name for network in found for member in network.members)
        several = any(len(network.members) > 1 for network in found)
        more = ["erde_torch.networks.cascades.network"] if several else []
        if given is not None:
            more += [given.module, "erde_torch.teachers.file"]
        if given is not None and kind_of(given) == "logits":
            more.append("erde_torch.teachers.answers_cache")
        more += score_modules(exp.score) if scored else ()
        needs = () if given is None else given.needs
        return hash_of(Recipe((*modules, *more), names, tuple(needs)))

    return hashed


def score_code(*modules):
    """A params function: the code of ``modules`` and of the score that images leave by."""
    return setting(lambda exp: code(*modules, *score_modules(exp.score)))
