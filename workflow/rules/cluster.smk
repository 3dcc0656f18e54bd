# Before the first job goes to a cluster: can it run there at all? A dry run asks nobody.
from erde.running.cluster.slurm import ClusterError, ask_cluster
from erde.running.cluster.preflight import Request, find_problem


onstart:
    forget_interrupted_updates()
    if workflow.executor_plugin.name == "slurm":
        requests = [Request.of(job) for job in workflow.dag.needrun_jobs()]
        command = workflow.executor_settings.status_command
        try:
            problem = find_problem(requests, ask_cluster(), command)
        except ClusterError as error:
            problem = str(error)
        if problem:
            raise WorkflowError(problem)
