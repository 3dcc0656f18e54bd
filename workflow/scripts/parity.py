"""Compare every loss implementation found on this machine with the reference."""

from erde.running.job import running
from erde_core.errors import ErdeError
from erde_core.store.files import write_text
from erde_torch.device import set_threads
from erde_torch.parity.report import backends, compare_all, report

with running("parity", snakemake.log[0]):
    set_threads(snakemake.threads)
    rows = compare_all(backends())
    table = report(rows)
    print(table)
    outside = sum(not row["within"] for row in rows)
    if outside:
        raise ErdeError(f"every row must be within its tolerance, got {outside} that are not")
    write_text(snakemake.output[0], table)
