# Which of the names that a target may have the experiment has; others are refused in the plan.
from erde.experiment.errors import nearest


def known(wildcards, key, names):
    """The wildcard ``key``, which is one of what the experiment has of its kind."""
    found = getattr(wildcards, key)
    if found not in names:
        raise refusal(
            f"experiment {wildcards.experiment!r} has no {key} {found!r}; {nearest(found, names)}"
        )
    return found


@functools.cache
def seed_names(name):
    return dict.fromkeys(map(str, experiment(name).seeds))


def of_known_seed(wildcards):
    """An input function that names no file: the experiment has the seed of the wildcards."""
    known(wildcards, "seed", seed_names(wildcards.experiment))
    return []


def of_known_rival(wildcards):
    """The same of its plain networks, by name and seed."""
    known(wildcards, "rival", list(dict.fromkeys(n for n, _ in rival_keys(wildcards))))
    return of_known_seed(wildcards)


def of_known_fold(wildcards):
    """The same of its teachers: the one of all images, and one per fold."""
    trained = experiment(wildcards.experiment).trained_teacher
    folds = range(trained.folds if trained is not None and trained.folds > 1 else 0)
    known(wildcards, "teacher", ["teacher", *(f"teacher/fold{k}" for k in folds)])
    return []


def variant(wildcards):
    """The variant of the wildcards, which have one of its seeds or none."""
    variants = experiment(wildcards.experiment).variants
    found = variants[known(wildcards, "variant", variants)]
    if "seed" in wildcards.keys():
        of_known_seed(wildcards)
    return found
