# One student per variant and seed, and the members of cascades.


rule student:
    input:
        of_known_seed,
        enough_gpus("student", "{variant}/seed{seed}"),
        unpack(teacher_of_student),
        data="results/{experiment}/data.h5",
    output:
        weights="results/{experiment}/{variant}/seed{seed}/weights.safetensors",
        history="results/{experiment}/{variant}/seed{seed}/history.csv",
    log:
        "results/{experiment}/logs/{variant}/seed{seed}.log",
    benchmark:
        "results/{experiment}/benchmarks/{variant}/seed{seed}.tsv"
    threads: training_threads("student")
    resources:
        gpu=training_gpus("student"),
        mem_mb=memory("student"),
    params:
        folder=lambda wildcards: wildcards.variant,
        student=student_settings,
        start=start_of_training,
        augment=settings("augment"),
        views=setting(view_count),
        loss=lambda wildcards: dataclasses.asdict(training_of(wildcards).loss),
        teacher_precision=setting(lambda exp: exp.cache.precision),
        device=setting(lambda exp: exp.device),
        code=code_with(
            student_networks,
            "erde_torch.training.student",
            "erde_torch.networks.weights",
        ),
    script:
        "../scripts/student.py"


# One that stands in a cascade, and that no variant trains for itself.
use rule student as member with:
    input:
        of_known_seed,
        enough_gpus("student", MEMBERS + "/{member}/seed{seed}"),
        unpack(teacher_of_student),
        data="results/{experiment}/data.h5",
    output:
        weights="results/{experiment}/members/{member}/seed{seed}/weights.safetensors",
        history="results/{experiment}/members/{member}/seed{seed}/history.csv",
    log:
        "results/{experiment}/logs/members/{member}/seed{seed}.log",
    benchmark:
        "results/{experiment}/benchmarks/members/{member}/seed{seed}.tsv"
    params:
        folder=lambda wildcards: f"{MEMBERS}/{wildcards.member}",


rule cascade:
    input:
        member_weights,
    output:
        "results/{experiment}/{variant}/seed{seed}/cascade.safetensors",
    log:
        "results/{experiment}/logs/{variant}/seed{seed}_cascade.log",
    benchmark:
        "results/{experiment}/benchmarks/{variant}/seed{seed}_cascade.tsv"
    threads: 1
    resources:
        runtime=60,
    params:
        # In their order: Snakemake compares inputs as a set.
        members=lambda wildcards: [str(path) for path in member_weights(wildcards)],
        average=lambda wildcards: variant(wildcards).network.average,
        code=code_with(network_of_variant, "erde_torch.networks.cascades.assemble"),
    script:
        "../scripts/cascades/assemble.py"
