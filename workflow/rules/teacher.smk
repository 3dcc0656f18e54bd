# The early-exit teacher, and with teacher.folds one more per fold that has not seen that fold.


rule teacher:
    input:
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
        teacher=settings("teacher"),
        start=start("teacher"),
        augment=settings("augment"),
        device=setting(lambda exp: exp.device),
        code=code_with(
            ["teacher"], "erde_torch.training.teacher", "erde_torch.networks.weights"
        ),
    script:
        "../scripts/teacher.py"
