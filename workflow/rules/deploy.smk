# What one ships: ONNX networks, manifest and runner of one student.


rule deploy:
    input:
        data="results/{experiment}/data.h5",
        weights="results/{experiment}/{variant}/seed{seed}/weights.safetensors",
        exits="results/{experiment}/{variant}/seed{seed}/exit_logits.h5",
        teacher="results/{experiment}/teacher/exit_logits.h5",
    output:
        directory("results/{experiment}/deploy/{variant}-seed{seed}"),
    log:
        "results/{experiment}/logs/deploy/{variant}-seed{seed}.log",
    benchmark:
        "results/{experiment}/benchmarks/deploy/{variant}-seed{seed}.tsv"
    threads: 1
    resources:
        runtime=60,
    params:
        code=code_with(
            ["student"], "erde_torch.export.folder", "erde_torch.export.agreement"
        ),
    script:
        "../scripts/deploy.py"
