# The data set of an experiment as one file.


rule data:
    output:
        "results/{experiment}/data.h5",
    log:
        "results/{experiment}/logs/data.log",
    benchmark:
        "results/{experiment}/benchmarks/data.tsv"
    threads: 1
    resources:
        mem_mb=memory("data"),
        runtime=120,
    params:
        dataset=settings(lambda exp: exp.dataset),
        root=DATA,
        code=code("erde_torch.datasets.prepare", "erde_core.store.dataset"),
    script:
        "../scripts/data.py"
