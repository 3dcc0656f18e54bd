# The picture.


rule plot:
    input:
        pareto="results/{experiment}/pareto.csv",
        curves="results/{experiment}/curves.csv",
        teacher_exits="results/{experiment}/teacher_exits.csv",
    output:
        report(
            "results/{experiment}_pareto.png",
            caption="../report/pareto.rst",
            category="{experiment}",
        ),
    log:
        "results/{experiment}/logs/plot.log",
    benchmark:
        "results/{experiment}/benchmarks/plot.tsv"
    threads: 1
    resources:
        runtime=60,
    params:
        code=code("erde.pictures.pareto"),
    script:
        "../scripts/plot.py"
