# What every exit says of validation and test images, and what thresholds make of it.
from erde_core.scores.fitted import LABELS


def student_keys(wildcards):
    """(variant, seed) of every student, in the order of ``students``."""
    exp = experiment(wildcards.experiment)
    return [(variant, seed) for variant in exp.variants for seed in exp.seeds]


rule exit_logits:
    input:
        data="results/{experiment}/data.h5",
        weights=weights_of_network,
    output:
        "results/{experiment}/{network}/exit_logits.h5",
    log:
        "results/{experiment}/logs/{network}_exit_logits.log",
    benchmark:
        "results/{experiment}/benchmarks/{network}_exit_logits.tsv"
    threads: asking_threads("student")
    resources:
        gpu=gpu_share,
        mem_mb=memory("exit_logits"),
        runtime=60,
    params:
        device=setting(lambda exp: exp.device),
        train_threads=setting(lambda exp: exp.student.train.threads),
        code=code_with(
            networks_of,
            "erde_torch.networks.exit_logits",
            "erde_torch.networks.weights",
        ),
    script:
        "../scripts/exit_logits.py"


rule sweep:
    input:
        teacher="results/{experiment}/teacher/exit_logits.h5",
        students=shown_logits,
        verified=verified,
    output:
        pareto="results/{experiment}/pareto.csv",
        curves="results/{experiment}/curves.csv",
        teacher_exits="results/{experiment}/teacher_exits.csv",
    log:
        "results/{experiment}/logs/sweep.log",
    benchmark:
        "results/{experiment}/benchmarks/sweep.tsv"
    threads: 1
    resources:
        runtime=60,
    params:
        students=shown_keys,
        score=setting(lambda exp: exp.score),
        code=score_code("erde.evaluation.pareto"),
    script:
        "../scripts/sweep.py"


rule policies:
    input:
        teacher="results/{experiment}/teacher/exit_logits.h5",
        students=students("results/{experiment}/{variant}/seed{seed}/exit_logits.h5"),
    output:
        policies="results/{experiment}/policies.csv",
        overall="results/{experiment}/policies_overall.csv",
    log:
        "results/{experiment}/logs/policies.log",
    benchmark:
        "results/{experiment}/benchmarks/policies.tsv"
    threads: 1
    resources:
        runtime=60,
    params:
        students=student_keys,
        code=code("erde.evaluation.policies.table", *score_modules(*LABELS)),
    script:
        "../scripts/policies.py"
