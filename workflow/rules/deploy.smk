# What one ships: ONNX networks, manifest and program of one student.


def what_exports(wildcards):
    """An input function that names no file: no result depends on these versions."""
    needed_versions("a deployment", "onnx", "onnxscript", "onnxruntime")(wildcards)
    return []


rule deploy:
    input:
        what_exports,
        data="results/{experiment}/data.h5",
        weights=weights_of_student,
        exits="results/{experiment}/{variant}/seed{seed}/exit_logits.h5",
        teacher="results/{experiment}/teacher/exit_logits.h5",
    output:
        # Updated, not made anew: files that a user put into the folder stay.
        update(directory("results/{experiment}/deploy/{variant}-seed{seed}")),
    log:
        "results/{experiment}/logs/deploy/{variant}-seed{seed}.log",
    benchmark:
        "results/{experiment}/benchmarks/deploy/{variant}-seed{seed}.tsv"
    threads: 1
    resources:
        runtime=60,
    params:
        score=setting(lambda exp: exp.score),
        resize=setting(lambda exp: getattr(exp.dataset, "resize", "none")),
        pixels_by=lambda wildcards: versions_of(*source_of(wildcards).libraries),
        code=code_with(
            network_of_variant,
            "erde_torch.export.folder",
            "erde_torch.export.agreement",
            "erde_torch.export.manifest",
            "erde.deployment.program",
            scored=True,
        ),
    script:
        "../scripts/deploy.py"


def forget_interrupted_updates(jobs):
    """Remove Snakemake's copies of folders whose update was killed: it stumbles over them.

    What they hold still lies in the folders, of which an update moves single files only.
    """
    for folder in outputs_of(jobs):
        if Path(folder).parent.name == "deploy":
            shutil.rmtree(Path(".snakemake/backups", folder), ignore_errors=True)
