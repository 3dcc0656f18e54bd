# From curves to a decision: intervals, thresholds to deploy, and the report to read.
import hashlib

from erde.evaluation.tables import STATISTICS

REPORT_TABLES = [table.name for table in STATISTICS]
SHOWN_TABLES = (
    ["teacher_exits", "pareto", "policies_overall", "envelope", *REPORT_TABLES]
    + (["rivals"] if RIVALS_WANTED else [])
    + (["latency"] if LATENCY_WANTED else [])
)


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
        **{name: f"results/{{experiment}}/{name}.csv" for name in SHOWN_TABLES},
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
        tables=SHOWN_TABLES,
        config=setting(lambda exp: exp.named()),
        score=setting(lambda exp: exp.score),
        code=score_code("erde.report.page"),
        page=page_hash(),
    script:
        "../scripts/report.py"
