# One student per variant and seed.


rule student:
    input:
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
        student=settings("student"),
        start=start("student"),
        augment=settings("augment"),
        views=setting(view_count),
        loss=lambda wildcards: dataclasses.asdict(variant(wildcards).loss),
        teacher_precision=setting(lambda exp: exp.cache.precision),
        device=setting(lambda exp: exp.device),
        code=code_with(
            student_networks,
            "erde_torch.training.student",
            "erde_torch.networks.weights",
        ),
    script:
        "../scripts/student.py"
