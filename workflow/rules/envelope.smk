# Which way is best at a cost: plain, early exit, cascade or mixture.
from erde.experiment.trainings import way_of


def member_names(wildcards):
    """The folders of members that no variant trains for itself."""
    trainings = experiment(wildcards.experiment).trainings()
    return [folder for folder in trainings if folder.startswith(f"{MEMBERS}/")]


def member_keys(wildcards):
    """(name, seed) of each, without the digits that make the folder's name unique."""
    seeds = experiment(wildcards.experiment).seeds
    return [(name, seed) for name in member_names(wildcards) for seed in seeds]


def ways(wildcards):
    """Of variants and members."""
    exp = experiment(wildcards.experiment)
    networks = {name: exp.network_of(name) for name in exp.variants}
    networks |= {
        name: exp.trainings()[name].network for name in member_names(wildcards)
    }
    return {name: way_of(network, exp.exits) for name, network in networks.items()}


def envelope_inputs(wildcards):
    """Members where there are any, rivals where they are wanted."""
    folder = f"results/{wildcards.experiment}"
    found = {
        "members": [
            f"{folder}/{name}/seed{seed}/exit_logits.h5"
            for name, seed in member_keys(wildcards)
        ]
    }
    if RIVALS_WANTED:
        found |= {"rivals": rival_files("exit_logits.h5")(wildcards)}
        found |= {"weights": rival_files("weights.safetensors")(wildcards)}
    return {name: paths for name, paths in found.items() if paths}


rule envelope:
    input:
        unpack(envelope_inputs),
        teacher="results/{experiment}/teacher/exit_logits.h5",
        students=students("results/{experiment}/{variant}/seed{seed}/exit_logits.h5"),
    output:
        "results/{experiment}/envelope.csv",
    log:
        "results/{experiment}/logs/envelope.log",
    benchmark:
        "results/{experiment}/benchmarks/envelope.tsv"
    threads: 1
    resources:
        runtime=60,
    params:
        students=student_keys,
        members=member_keys,
        rivals=lambda wildcards: rival_keys(wildcards) if RIVALS_WANTED else [],
        ways=ways,
        score=setting(lambda exp: exp.score),
        code=score_code(
            "erde.evaluation.envelope",
            "erde.evaluation.pairs",
            "erde.evaluation.rivals",
            "erde.evaluation.tables",
            "erde_torch.networks.rivals.network",
        ),
    script:
        "../scripts/cascades/envelope.py"
