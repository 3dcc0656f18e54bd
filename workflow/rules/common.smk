# The only file that reads configuration: experiment files and options.
import dataclasses
import functools
import os
import platform
import shutil
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version
from snakemake.logging import logger

REPOSITORY = Path(workflow.basedir)
# Plan and jobs run the code of this clone, by whose hash results are known, whatever clone the
# environment was made for.
sys.path.insert(0, str(REPOSITORY))
_PATHS = [str(REPOSITORY), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, _PATHS)))

from erde.running.code_hash import code_hash
from erde.experiment.schema import read_experiment
from erde.experiment.errors import ExperimentError
from erde.experiment.names import NAME
from erde.experiment.options import run_options
from erde.experiment.trainings import MEMBERS, is_cascade
from erde.running.asking.fitted import fitted
from erde.running.gpus.gpu_claim import visible_gpus
from erde.running.hangup import hangup_interrupts
from erde.running.interpreter import speakable_interpreter
from erde.running.plain_errors import PlainErrors
from erde.running.asking.questions import Questions
from erde.running.asking.teacher_facts import file_hashes
from erde.running.stopped import LISTS
from erde.running.threads import student_threads, teacher_threads
from erde.running.cluster.needs import memory_mb
from erde_core.errors import ErdeError, check_installed
from erde.running.asking.versions import installed_version
from erde_torch.networks.table import NETWORKS
from erde_torch.teachers.settings import KINDS
from erde_torch.training.settings import learned

min_version("9.0")
PLAIN_ERRORS = PlainErrors()
logger.addFilter(PLAIN_ERRORS)


def refusal(sentence):
    """What to raise: Snakemake ends, and prints nothing but the sentence."""
    PLAIN_ERRORS.add(sentence)
    return WorkflowError(sentence)


def refused(name, rule):
    """The same, of the experiment ``name`` that breaks ``rule``, which begins with the place."""
    return refusal(f"{EXPERIMENTS / name}.yaml: {rule}")


hangup_interrupts()
try:
    speakable_interpreter()
    OPTIONS = run_options(config)
except ErdeError as error:  # an ExperimentError is one
    raise refusal(str(error)) from None

FILES = Path(OPTIONS.experiments or REPOSITORY / "workflow/experiments").resolve()
# Jobs read the experiment files as they were when the run began, whatever is edited meanwhile.
KEPT = (LISTS / "experiments").resolve()
EXPERIMENTS = KEPT if workflow.remote_exec else FILES
DATA = OPTIONS.data
# Plain networks of the same cost are many more trainings; `--config rivals=false` leaves them out.
RIVALS_WANTED = OPTIONS.rivals
# Seconds hold for one machine; `--config latency=false` leaves them out.
LATENCY_WANTED = OPTIONS.latency
# What scripts read beside their params: it changes no result, so a change reruns nothing.
config["experiments"] = str(KEPT)
config["experiment_files"] = str(FILES)
config["data"] = DATA
config["checkpoint_seconds"] = OPTIONS.checkpoint_seconds
config["students_per_gpu"] = OPTIONS.students_per_gpu
config["gpu_for_auto"] = OPTIONS.gpu_for_auto

# Local jobs that want a GPU take turns on those that there are; each claims its own. Where
# Snakemake counts nodes (--jobs), a cluster may be meant, which shares out its GPUs by itself.
# Resources are whole numbers: with students_per_gpu a GPU counts for so many of them.
GPUS_SAID = None  # by --resources gpu=2
if "gpu" in workflow.global_resources:
    GPUS_SAID = workflow.global_resources["gpu"].value
if workflow.resource_settings.nodes is None:
    number = max(1, visible_gpus()) if GPUS_SAID is None else GPUS_SAID
    workflow.register_resource("gpu", number * OPTIONS.students_per_gpu)


wildcard_constraints:
    experiment=NAME,
    variant=NAME,
    member=NAME,
    seed=r"\d+",
    teacher=r"teacher(/fold\d+)?",
    network=r"teacher|((members|rivals)/)?[^/]+/seed\d+",


def versions_of(*libraries):
    """Their versions; None for one that is missing, which only the job that needs it minds."""
    return {name: installed_version(name) for name in libraries}


def needed_versions(who, *libraries):
    """A params function: the versions of what ``who`` needs; refused in the plan if missing."""

    def found(wildcards):
        try:
            check_installed(who, libraries)
        except ErdeError as error:
            raise refusal(str(error)) from None
        return versions_of(*libraries)

    return found


# What only PyTorch or ONNX can tell of networks and teachers is asked once, and kept.
QUESTIONS = Questions(
    Path(".snakemake/erde"),
    code_hash(
        REPOSITORY,
        "erde.running.asking.counted_step",
        "erde.running.asking.network_exits",
        "erde.running.asking.network_fit",
        "erde.running.asking.teacher_facts",
        *(kind.module for kind in KINDS.values()),
        *(family.module for family in NETWORKS.values()),
    ),
)


@functools.cache
def written(name):
    """The experiment as its file has it."""
    try:
        return read_experiment(EXPERIMENTS / f"{name}.yaml")
    except ExperimentError as error:
        raise refusal(str(error)) from None


@functools.cache
def experiment(name):
    found = written(name)
    try:
        return fitted(found, QUESTIONS)[0]
    except ErdeError as error:
        raise refused(name, error) from None


def setting(get):
    """A params or threads function that looks at the experiment of the wildcards."""
    return lambda wildcards: get(experiment(wildcards.experiment))


def settings(part):
    """The same for a part of the experiment file, as plain data."""
    return lambda wildcards: experiment(wildcards.experiment).named()[part]


def on_cluster():
    """Whether jobs run elsewhere than the master; a dry run can only judge by --jobs."""
    plugin = workflow.executor_plugin
    if plugin is None or plugin.common_settings.dryrun_exec:
        return workflow.resource_settings.nodes is not None
    return workflow.remote_exec or not plugin.common_settings.local_exec


def gpu_for_auto():
    """Whether `device: auto` asks for a GPU: one is here, or the cluster will have it."""
    if OPTIONS.gpu_for_auto is not None:
        return OPTIONS.gpu_for_auto
    return on_cluster() or bool(shutil.which("nvidia-smi"))


def wants_gpu(wildcards):
    """Whether the experiment says so, or leaves it open and there may be one."""
    device = experiment(wildcards.experiment).device
    return device == "cuda" or (device == "auto" and gpu_for_auto())


def gpus(wildcards):
    """Ask for a whole GPU if one is wanted."""
    return OPTIONS.students_per_gpu * wants_gpu(wildcards)


def gpu_share(wildcards):
    """Ask for a place on a GPU, of those that `students_per_gpu` makes, if one is wanted."""
    return int(wants_gpu(wildcards))


def memory(job):
    """A resources function: MB of main memory that the job needs for the experiment."""

    def megabytes(wildcards):
        try:
            return memory_mb(experiment(wildcards.experiment), job, QUESTIONS)
        except ErdeError as error:
            raise refused(wildcards.experiment, error) from None

    return megabytes


def training(part, wildcards):
    """How the ``teacher`` or the ``student`` is trained."""
    return getattr(experiment(wildcards.experiment), part).train


def open_threads(part, wildcards):
    """Cores for a training of ``part`` that leaves them open; 1 on a cluster, which is asked less."""
    exp = experiment(wildcards.experiment)
    cores = 1 if on_cluster() else workflow.resource_settings.cores or 1
    if part == "teacher":
        return teacher_threads(cores)
    return student_threads(cores, len(exp.variants) * len(exp.seeds))


def training_threads(part):
    """Its cores: so many threads in each of its processes."""

    def cores(wildcards):
        train, given = training(part, wildcards), open_threads(part, wildcards)
        return train.threads_of(max(1, given // train.processes)) * train.processes

    return cores


def asking_threads(part):
    """Cores of what asks a network of ``part``, in one process."""

    def cores(wildcards):
        exp = experiment(wildcards.experiment)
        asked = exp.teacher.threads if part == "teacher" else exp.student.train.threads
        return open_threads(part, wildcards) if asked == "auto" else asked

    return cores


def training_gpus(part):
    """Its GPUs: one per process; students of one process may share one."""

    def asked(wildcards):
        processes = training(part, wildcards).processes
        if part == "student" and processes == 1:
            return gpu_share(wildcards)
        return gpus(wildcards) * processes

    return asked


def methods(wildcards):
    """The method of each variant, by name."""
    exp = experiment(wildcards.experiment)
    return {name: variant.method for name, variant in exp.variants.items()}
