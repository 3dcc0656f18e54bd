# Every loss implementation found on this machine against the reference.


rule parity:
    output:
        "results/parity.md",
    log:
        "results/logs/parity.log",
    benchmark:
        "results/benchmarks/parity.tsv"
    threads: 2
    resources:
        runtime=60,
    params:
        machine=platform.node(),
        versions=versions_of("numpy", "torch", "numba"),
        code=code("erde_torch.parity.report"),
    script:
        "../scripts/parity.py"
