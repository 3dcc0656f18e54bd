# The data set of an experiment as one file.
import functools

from erde.datasets.fingerprint import folder_fingerprint

fingerprint = functools.cache(folder_fingerprint)


def own_images(wildcards):
    """Changes when images are added, removed or replaced; other data sets have checksums."""
    source = experiment(wildcards.experiment).dataset
    return fingerprint(source.path) if source.name == "folder" else None


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
        dataset=settings("dataset"),
        root=DATA,
        images=own_images,
        code=code("erde.datasets.prepare", "erde_core.store.dataset"),
    script:
        "../scripts/data.py"
