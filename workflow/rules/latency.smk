# Seconds beside multiply-accumulates: the trained networks timed on this machine.
# The table holds for the machine that made it; another machine's is asked for by --forcerun latency.

from erde.experiment.names import shown_label

# Here all cores, though one is used: no other job of this run then disturbs the clock. A job on a
# cluster has the cores that it asked for, and who else computes beside it is the cluster's affair.
HERE = workflow.resource_settings.nodes is None and not workflow.remote_exec
TIMING_CORES = (workflow.resource_settings.cores or 1) if HERE else 1


def timed_key(wildcards):
    """Variant and seed of the student that is timed."""
    exp = experiment(wildcards.experiment)
    return shown_label(methods(wildcards)), exp.seeds[0]


def timed_student(name):
    def path(wildcards):
        label, seed = timed_key(wildcards)
        return f"results/{wildcards.experiment}/{label}/seed{seed}/{name}"

    return path


rule latency:
    input:
        data="results/{experiment}/data.h5",
        teacher="results/{experiment}/teacher/weights.safetensors",
        teacher_exits="results/{experiment}/teacher/exit_logits.h5",
        student=timed_student("weights.safetensors"),
        student_exits=timed_student("exit_logits.h5"),
    output:
        table="results/{experiment}/latency.csv",
        picture="results/{experiment}/latency.png",
    log:
        "results/{experiment}/logs/latency.log",
    benchmark:
        "results/{experiment}/benchmarks/latency.tsv"
    threads: TIMING_CORES
    resources:
        gpu=gpus,
        mem_mb=memory("exit_logits"),
    params:
        student=timed_key,
        device=setting(lambda exp: exp.device),
        score=setting(lambda exp: exp.score),
        code=code_with(
            ["teacher", "student"],
            "erde_torch.latency.measure",
            "erde_torch.latency.contenders",
            "erde.deployment.runner",
            "erde.evaluation.latency",
            "erde.pictures.latency",
            scored=True,
        ),
    script:
        "../scripts/latency.py"
