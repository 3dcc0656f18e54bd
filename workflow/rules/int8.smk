# Students in 8 bits: networks of their own, with exit logits, thresholds and a folder to ship.
# Asked for by `int8: true`, for the variant that is shown; by the folder's name for any student.

from erde.experiment.names import int8_name, shown_variant


def int8_shown(wildcards):
    """(variant, seed) of the students that report and picture show in 8 bits too."""
    exp = experiment(wildcards.experiment)
    return [(shown_variant(methods(wildcards)), seed) for seed in exp.seeds]


def int8_files(pattern):
    """An input function: ``pattern`` for each of them, asked for or not."""
    return lambda wildcards: [
        pattern.format(experiment=wildcards.experiment, variant=variant, seed=seed)
        for variant, seed in int8_shown(wildcards)
    ]


def where_asked(files):
    """An input function: ``files`` where the experiment has ``int8``, else none."""
    return lambda wildcards: (
        files(wildcards) if experiment(wildcards.experiment).int8 else []
    )


int8_logits = int8_files(
    "results/{experiment}/{variant}/seed{seed}/int8_exit_logits.h5"
)


def int8_keys(wildcards):
    """What tables call them."""
    return [(int8_name(variant), seed) for variant, seed in int8_shown(wildcards)]


def shown_logits(wildcards):
    """An input function: the exit logits of all students, those in 8 bits last."""
    found = students("results/{experiment}/{variant}/seed{seed}/exit_logits.h5")
    return found(wildcards) + where_asked(int8_logits)(wildcards)


def shown_keys(wildcards):
    """(variant, seed) of each of ``shown_logits``."""
    return student_keys(wildcards) + where_asked(int8_keys)(wildcards)


rule int8:
    input:
        data="results/{experiment}/data.h5",
        weights=weights_of_student,
    output:
        stages=directory("results/{experiment}/{variant}/seed{seed}/int8_stages"),
        exits="results/{experiment}/{variant}/seed{seed}/int8_exit_logits.h5",
    log:
        "results/{experiment}/logs/{variant}/seed{seed}_int8.log",
    benchmark:
        "results/{experiment}/benchmarks/{variant}/seed{seed}_int8.tsv"
    threads: 1
    resources:
        mem_mb=memory("exit_logits"),
        runtime=60,
    params:
        quantisation=setting(lambda exp: dataclasses.asdict(exp.quantisation)),
        versions=needed_versions("int8", "onnx", "onnxruntime"),
        code=code_with(
            network_of_variant,
            "erde_torch.int8.quantise",
            "erde_torch.int8.exit_logits",
            "erde_torch.networks.weights",
        ),
    script:
        "../scripts/int8/quantise.py"


rule deploy_int8:
    input:
        data="results/{experiment}/data.h5",
        weights=weights_of_student,
        stages="results/{experiment}/{variant}/seed{seed}/int8_stages",
        exits="results/{experiment}/{variant}/seed{seed}/int8_exit_logits.h5",
        teacher="results/{experiment}/teacher/exit_logits.h5",
    output:
        # Updated, not made anew: files that a user put into the folder stay.
        update(directory("results/{experiment}/deploy/{variant}-seed{seed}-int8")),
    log:
        "results/{experiment}/logs/deploy/{variant}-seed{seed}-int8.log",
    benchmark:
        "results/{experiment}/benchmarks/deploy/{variant}-seed{seed}-int8.tsv"
    threads: 1
    resources:
        runtime=60,
    params:
        score=setting(lambda exp: exp.score),
        resize=setting(lambda exp: getattr(exp.dataset, "resize", "none")),
        pixels_by=lambda wildcards: versions_of(*source_of(wildcards).libraries),
        code=score_code(
            "erde_torch.int8.deployment",
            "erde_torch.export.agreement",
            "erde_torch.export.manifest",
            "erde.deployment.program",
        ),
    script:
        "../scripts/int8/deploy.py"


rule int8_table:
    input:
        teacher="results/{experiment}/teacher/exit_logits.h5",
        # All students: the dearest says what budgets are shares of where nobody knows the teacher's.
        students=lambda wildcards: students(
            "results/{experiment}/{variant}/seed{seed}/exit_logits.h5"
        )(wildcards)
        + int8_logits(wildcards),
        stages=int8_files("results/{experiment}/{variant}/seed{seed}/int8_stages"),
    output:
        "results/{experiment}/int8.csv",
    log:
        "results/{experiment}/logs/int8.log",
    benchmark:
        "results/{experiment}/benchmarks/int8.tsv"
    threads: 1
    resources:
        runtime=60,
    params:
        students=lambda wildcards: student_keys(wildcards) + int8_keys(wildcards),
        score=setting(lambda exp: exp.score),
        code=score_code("erde.evaluation.int8", "erde.evaluation.tables"),
    script:
        "../scripts/int8/table.py"
