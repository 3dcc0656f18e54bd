# Before the first job starts: can what it needs be had at all? A dry run asks nobody.
from erde.datasets.fingerprint import folder_fingerprint, parts_of
from erde.running.cluster.slurm import ClusterError, ask_cluster
from erde.running.cluster.preflight import Request, find_problem
from erde.running.planned.handed import handed_over
from erde.running.stopped import list_outputs, take_off


def check_images_can_be_read(jobs):
    """A job's old output is removed before it starts: too late to find the images away."""
    for job in jobs:
        if job.rule.name == "data":
            name = job.wildcards.experiment
            source = experiment(name).dataset
            folder = source.class_folders(Path(DATA))
            try:
                folder is None or folder_fingerprint(folder, parts_of(source))
            except OSError as error:
                raise refusal(
                    f"results/{name}/data.h5 would be made anew, and {error.filename or folder} cannot be read "
                    f"({error.strerror}): make it readable first"
                ) from None


def keep_experiments(jobs):
    """Copy the files of the experiments of ``jobs`` to where the jobs read them."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for name in {job.wildcards.experiment for job in jobs if job.wildcards}:
        shutil.copyfile(FILES / f"{name}.yaml", KEPT / f"{name}.yaml")
        if read_experiment(KEPT / f"{name}.yaml") != written(name):
            raise refused(
                name, "changed while the run was planned: start the same command again"
            )


def outputs_of(jobs):
    return [str(name) for job in jobs for name in job.output]


def check_nothing_is_read_that_is_made_anew(jobs, due):
    """What a plan has read of a network's file, and calls finished by it, must hold to the end."""
    made = {Path(name).resolve() for name in outputs_of(due)}
    for job in jobs:
        for place, file in files_of_users(job).items():
            if Path(file).resolve() in made:
                raise refused(
                    job.wildcards.experiment,
                    f"{place} must be finished when its readers are planned, got {str(file)!r}, "
                    "which this command would make anew: ask for that file alone first",
                )


onstart:
    jobs = list(workflow.dag.needrun_jobs())
    forget_interrupted_updates(jobs)
    check_images_can_be_read(jobs)
    check_nothing_is_read_that_is_made_anew(workflow.dag.jobs, jobs)
    if workflow.executor_plugin.name == "slurm":
        requests = [Request.of(job) for job in jobs]
        command = workflow.executor_settings.status_command
        try:
            problem = find_problem(requests, ask_cluster(), command)
        except ClusterError as error:
            problem = str(error)
        if problem:
            raise refusal(problem)
    keep_experiments(jobs)
    handed = handed_over(jobs, RECIPES, TREE, REPOSITORY / "workflow/rules")
    list_outputs(LISTS, outputs_of(jobs), handed)


onsuccess:
    take_off(LISTS, outputs_of(workflow.dag.jobs))
