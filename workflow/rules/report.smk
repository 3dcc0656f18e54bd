# From curves to a decision: intervals, thresholds to deploy, and the report to read.
import hashlib

REPORT_TABLES = [
    "operating_points",
    "per_exit",
    "bands",
    "areas",
    "comparison",
    "overall",
    "audit",
    "classes",
    "exits",
    "reliability",
]


SHOWN_TABLES = (
    REPORT_TABLES
    + (["rivals"] if RIVALS_WANTED else [])
    + (["latency"] if LATENCY_WANTED else [])
)


def student_keys(wildcards):
    exp = experiment(wildcards.experiment)
    return [(variant, seed) for variant in exp.variants for seed in exp.seeds]


def page_hash():
    """Of the files of the page that are not Python, which the code's hash leaves out."""
    names = ("page.css", "page.js")
    files = (REPOSITORY / "erde/report" / name for name in names)
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:16]


rule statistics:
    input:
        teacher="results/{experiment}/teacher/exit_logits.h5",
        students=students("results/{experiment}/{variant}/seed{seed}/exit_logits.h5"),
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
        students=student_keys,
        methods=methods,
        code=code(
            "erde.evaluation.comparison",
            "erde.evaluation.operating_points",
            "erde.evaluation.audit",
            "erde.evaluation.calibration",
        ),
    script:
        "../scripts/statistics.py"


rule report:
    input:
        **{name: f"results/{{experiment}}/{name}.csv" for name in SHOWN_TABLES},
        data="results/{experiment}/data.h5",
        teacher_logits="results/{experiment}/teacher/exit_logits.h5",
        students=students("results/{experiment}/{variant}/seed{seed}/exit_logits.h5"),
        teacher="results/{experiment}/teacher_exits.csv",
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
        students=student_keys,
        methods=methods,
        tables=["teacher", *SHOWN_TABLES],
        config=setting(lambda exp: exp.named()),
        code=code("erde.report.page"),
        page=page_hash(),
    script:
        "../scripts/report.py"
