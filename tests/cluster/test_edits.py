"""An experiment file, or a module, that is edited while its jobs queue."""

from tests.cluster.conftest import wait_until
from tests.cluster.slurm_node import MEMORY_MB
from tests.workflow.conftest import TINY

FILE = "workflow/experiments/edited.yaml"
TARGET = "results/edited/ce/seed0/history.csv"


def test_a_queued_job_trains_by_the_file_as_it_was_and_not_by_other_code(
    checkout, cluster_run, node
):
    checkout.write_experiment("edited", TINY)
    path, code = checkout.root / FILE, checkout.root / "erde_torch/training/student.py"
    before, text = path.read_text(encoding="utf-8"), code.read_text(encoding="utf-8")
    checkout.snakemake("--cores", "2", "results/edited/data.h5")

    def while_it_queues(*edits, check):
        """Run with a job that must wait for another; what is said, and what stands there after."""
        other = ("--parsable", f"--mem={MEMORY_MB}", "--output=/dev/null", "--wrap=sleep 3600")
        other = node.command("sbatch", *other).strip()
        run = cluster_run(checkout, TARGET, "--retries", "0")
        wait_until(lambda: "has been submitted" in run.said(), run)
        for file, content in edits:
            file.write_text(content, encoding="utf-8")
        node.command("scancel", other)
        return run.wait(check=check)

    longer = path, before.replace("epochs: 2", "epochs: 3")
    while_it_queues(longer, (code, f"{text}\n\nADDED = 1\n"), check=False)
    said = (checkout.root / "results/edited/logs/ce/seed0.log").read_text(encoding="utf-8")
    assert "error: the code of this job changed after the run was planned: start" in said
    code.write_text(text, encoding="utf-8")
    path.write_text(before, encoding="utf-8")
    while_it_queues(longer, check=True)
    assert (checkout.root / TARGET).read_text(encoding="utf-8").count("\n") == 1 + 2
    path.write_text(before, encoding="utf-8")
    assert checkout.plan(TARGET) == {}
