# The data set of an experiment as one file.
from erde.datasets.fingerprint import images_identity
from erde.datasets.sources import SOURCES
from erde.running.machine import memory_mb as machine_memory_mb
from erde.running.plan import check_before_any_job
from erde.running.stopped import unmade_outputs


@functools.cache
def own_images(name):
    """Changes when a user's own images change; other data sets have checksums."""
    results = Path("results", name)
    return images_identity(
        experiment(name).dataset, Path(DATA), results, logger.warning
    )


@functools.cache
def make_what_an_ended_run_left_out():
    """Snakemake would miss nothing where all that was made from it is still there."""
    if workflow.is_main_process:
        workflow.dag.forcefiles.update(unmade_outputs(LISTS))


def nothing_but_checks(wildcards):
    """An input function that names no file: it is asked whenever a plan is made."""
    make_what_an_ended_run_left_out()
    # The Snakemake of a job on a cluster has none, and has been told.
    if workflow.is_main_process and workflow.execution_settings.no_hooks:
        raise refusal(
            "--no-hooks must not be given: a hook tells the jobs what was planned"
        )
    if OPTIONS.students_per_gpu > 1 and on_cluster():
        raise refusal(
            "--config students_per_gpu must be 1 on a cluster, which gives each job GPUs of its own, "
            f"got {OPTIONS.students_per_gpu}"
        )
    name, machine_mb = wildcards.experiment, (
        None if on_cluster() else machine_memory_mb()
    )
    try:
        check_before_any_job(
            experiment(name),
            Path("results", name),
            own_images(name),
            machine_mb,
            QUESTIONS,
            logger.info,
            on_gpu=bool(gpus(wildcards)),
        )
    except ErdeError as error:
        raise refused(name, error) from None
    return []


def source_of(wildcards):
    return SOURCES[experiment(wildcards.experiment).dataset.name]


rule data:
    input:
        nothing_but_checks,
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
        crops=setting(lambda exp: exp.augment.crops is not None),
        images=lambda wildcards: own_images(wildcards.experiment),
        versions=lambda wildcards: versions_of(*source_of(wildcards).libraries),
        code=lambda wildcards: code(
            source_of(wildcards).module,
            "erde_core.store.dataset",
        ),
    script:
        "../scripts/data.py"
