# Seconds beside multiply-accumulates: the trained networks timed on this machine.
# The table holds for the machine that made it; another machine's is asked for by --forcerun latency.

from erde.experiment.names import shown_variant

# Here all cores, though one is used: no other job of this run then disturbs the clock. A job on a
# cluster has the cores that it asked for, and who else computes beside it is the cluster's affair.
HERE = workflow.resource_settings.nodes is None and not workflow.remote_exec
TIMING_CORES = (workflow.resource_settings.cores or 1) if HERE else 1


def timed_key(wildcards):
    """Variant and seed of the student that is timed."""
    exp = experiment(wildcards.experiment)
    return shown_variant(methods(wildcards)), exp.seeds[0]


def timed_student(name):
    def path(wildcards):
        variant, seed = timed_key(wildcards)
        return f"results/{wildcards.experiment}/{variant}/seed{seed}/{name}"

    return path


def timed_weights(wildcards):
    name, seed = timed_key(wildcards)
    return weights_file(wildcards, f"{name}/seed{seed}")


def timed_networks(wildcards):
    """Whose code counts."""
    name, _ = timed_key(wildcards)
    return ["teacher", experiment(wildcards.experiment).network_of(name)]


def only_a_timed_teacher(wildcards):
    """An input function that names no file: speed-ups are over the teacher."""
    if not is_network(experiment(wildcards.experiment).teacher):
        raise refusal(
            f"{wildcards.experiment}: latency needs a teacher that is a network of PyTorch, trained "
            "here or given by its weights"
        )
    return []


rule latency:
    input:
        only_a_timed_teacher,
        data="results/{experiment}/data.h5",
        teacher="results/{experiment}/teacher/weights.safetensors",
        teacher_exits="results/{experiment}/teacher/exit_logits.h5",
        student=timed_weights,
        student_exits=timed_student("exit_logits.h5"),
        int8_stages=where_asked(timed_student("int8_stages")),
        int8_exits=where_asked(timed_student("int8_exit_logits.h5")),
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
            timed_networks,
            "erde_torch.latency.measure",
            "erde_torch.latency.contenders",
            "erde.deployment.runner",
            "erde.evaluation.latency",
            "erde.pictures.latency",
            scored=True,
        ),
    script:
        "../scripts/latency.py"
