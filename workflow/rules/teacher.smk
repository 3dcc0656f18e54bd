# The early-exit teacher, and with teacher.folds one more per fold that has not seen that fold.


rule teacher:
    input:
        only_if_trained,
        of_known_fold,
        enough_gpus("teacher", "{teacher}"),
        data="results/{experiment}/data.h5",
    output:
        weights="results/{experiment}/{teacher}/weights.safetensors",
        history="results/{experiment}/{teacher}/history.csv",
    log:
        "results/{experiment}/logs/{teacher}.log",
    benchmark:
        "results/{experiment}/benchmarks/{teacher}.tsv"
    priority: 10  # most of the work waits for it
    threads: training_threads("teacher")
    resources:
        gpu=training_gpus("teacher"),
        mem_mb=memory("teacher"),
    params:
        teacher=teacher_settings,
        start=start("teacher"),
        augment=settings("augment"),
        device=setting(lambda exp: exp.device),
        code=code_with(
            ["teacher"], "erde_torch.training.teacher", "erde_torch.networks.weights"
        ),
    script:
        "../scripts/teacher.py"


# A teacher that is there already is read and measured, and not trained.
rule given_teacher:
    input:
        only_if_given,
        data="results/{experiment}/data.h5",
    output:
        "results/{experiment}/teacher/weights.safetensors",
    log:
        "results/{experiment}/logs/given_teacher.log",
    benchmark:
        "results/{experiment}/benchmarks/given_teacher.tsv"
    priority: 10
    threads: setting(lambda exp: exp.teacher.threads)
    resources:
        gpu=gpus,
        mem_mb=memory("exit_logits"),
        runtime=120,
    params:
        teacher=given_settings,
        content=given_content,
        device=setting(lambda exp: exp.device),
        code=code_with(
            ["teacher"],
            "erde.running.asking.given_teacher",
            "erde_torch.networks.exit_logits",
        ),
    script:
        "../scripts/teacher.py"
