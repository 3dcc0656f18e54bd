# From curves to a decision: intervals, thresholds to deploy, and the report to read.
import hashlib

from erde.evaluation.tables import STATISTICS

REPORT_TABLES = [table.name for table in STATISTICS]


def shown_tables(wildcards):
    """The tables of the page; a teacher that is no network of PyTorch is not timed."""
    timed = LATENCY_WANTED and is_network(experiment(wildcards.experiment).teacher)
    return (
        ["teacher_exits", "pareto", "policies_overall", "envelope", *REPORT_TABLES]
        + ["rivals"] * RIVALS_WANTED
        + ["latency"] * timed
    )


def shown_files(wildcards):
    """The same as files, by name."""
    folder = f"results/{wildcards.experiment}"
    return {name: f"{folder}/{name}.csv" for name in shown_tables(wildcards)}


def page_hash():
    """Of the files of the page that are not Python, which the code's hash leaves out."""
    files = sorted((REPOSITORY / "erde/report").glob("page.*"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:16]


rule statistics:
    input:
        teacher="results/{experiment}/teacher/exit_logits.h5",
        students=shown_logits,
        pareto="results/{experiment}/pareto.csv",
    output:
        **{name: f"results/{{experiment}}/{name}.csv" for name in REPORT_TABLES},
    log:
        "results/{experiment}/logs/statistics.log",
    benchmark:
        "results/{experiment}/benchmarks/statistics.tsv"
    threads: 2
    resources:
        runtime=60,
    params:
        students=shown_keys,
        methods=methods,
        taught_by=setting(lambda exp: exp.taught_by()),
        score=setting(lambda exp: exp.score),
        code=score_code(
            "erde.evaluation.differences.comparison",
            "erde.evaluation.decision",
            "erde.evaluation.operating_points",
            "erde.evaluation.audit",
            "erde.evaluation.calibration",
            "erde.evaluation.confusion",
            "erde.evaluation.tables",
        ),
    script:
        "../scripts/statistics.py"


rule report:
    input:
        unpack(shown_files),
        data="results/{experiment}/data.h5",
        teacher_logits="results/{experiment}/teacher/exit_logits.h5",
        int8=where_asked(lambda wildcards: [f"results/{wildcards.experiment}/int8.csv"]),
        shipped=where_asked(
            int8_files("results/{experiment}/deploy/{variant}-seed{seed}-int8")
        ),
        students=shown_logits,
    output:
        report(
            "results/{experiment}_report.html",
            caption="../report/report.rst",
            category="{experiment}",
        ),
    log:
        "results/{experiment}/logs/report.log",
    benchmark:
        "results/{experiment}/benchmarks/report.tsv"
    threads: 1
    resources:
        runtime=60,
    params:
        students=shown_keys,
        methods=methods,
        tables=shown_tables,
        config=setting(lambda exp: exp.named()),
        score=setting(lambda exp: exp.score),
        code=score_code("erde.report.page", "erde.experiment.own_train"),
        page=page_hash(),
    script:
        "../scripts/report.py"
