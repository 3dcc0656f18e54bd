# Every loss implementation found on this machine against the reference.
from importlib import metadata, util


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
        versions=[
            metadata.version(name)
            for name in ("numpy", "torch", "numba")
            if util.find_spec(name)
        ],
        code=code("erde_torch.parity.report"),
    script:
        "../scripts/parity.py"
