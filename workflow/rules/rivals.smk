# Plain networks of the same cost as the student's exits: is early exit worth it?
from erde.running.asking.network_exits import exit_count
from erde.running.asking.network_fit import check_placed
from erde_torch.networks.rivals.names import rival_names
from erde_torch.networks.table import family_of


@functools.cache
def names_of_rivals(name):
    """Of an experiment's; its student's network is trained here, whatever variants have."""
    network = experiment(name).student.network
    try:
        names = rival_names(
            exit_count(network, QUESTIONS), family_of(network.name).scalable
        )
    except ErdeError as error:
        raise refused(name, f"student.network.{error}") from None
    try:
        check_placed(experiment(name), [("student.network", network)], QUESTIONS)
    except ErdeError as error:
        raise refused(name, error) from None
    return names


def rival_keys(wildcards):
    names, seeds = (
        names_of_rivals(wildcards.experiment),
        experiment(wildcards.experiment).seeds,
    )
    return [(rival, seed) for rival in names for seed in seeds]


def rival_files(name):
    return lambda wildcards: [
        f"results/{wildcards.experiment}/rivals/{rival}/seed{seed}/{name}"
        for rival, seed in rival_keys(wildcards)
    ]


rule rival:
    input:
        of_known_rival,
        enough_gpus("student", "rivals/{rival}/seed{seed}"),
        data="results/{experiment}/data.h5",
        cache="results/{experiment}/teacher_logits.h5",
    output:
        weights="results/{experiment}/rivals/{rival}/seed{seed}/weights.safetensors",
    log:
        "results/{experiment}/logs/rivals/{rival}/seed{seed}.log",
    benchmark:
        "results/{experiment}/benchmarks/rivals/{rival}/seed{seed}.tsv"
    wildcard_constraints:
        rival=r"(truncated|narrow)\d+",
    threads: training_threads("student")
    resources:
        gpu=training_gpus("student"),
        mem_mb=memory("rival"),
    params:
        student=setting(lambda exp: learned(exp.rival().settings)),
        start=start("student"),
        augment=settings("augment"),
        views=setting(view_count),
        loss=setting(lambda exp: dataclasses.asdict(exp.rival().loss)),
        device=setting(lambda exp: exp.device),
        code=code_with(
            ["student"],
            "erde_torch.training.student",
            "erde_torch.networks.weights",
            "erde_torch.networks.rivals.network",
        ),
    script:
        "../scripts/rivals/train.py"


rule rivals:
    input:
        students=students("results/{experiment}/{variant}/seed{seed}/exit_logits.h5"),
        weights=rival_files("weights.safetensors"),
        rivals=rival_files("exit_logits.h5"),
        verified="results/{experiment}/teacher_logits_verified.json",
    output:
        "results/{experiment}/rivals.csv",
    log:
        "results/{experiment}/logs/rivals.log",
    benchmark:
        "results/{experiment}/benchmarks/rivals.tsv"
    threads: 1
    resources:
        runtime=60,
    params:
        students=student_keys,
        rivals=rival_keys,
        score=setting(lambda exp: exp.score),
        code=code_with(
            ["student"],
            "erde.evaluation.rivals",
            "erde_torch.networks.rivals.network",
            "erde_torch.networks.weights",
            scored=True,
        ),
    script:
        "../scripts/rivals/table.py"
