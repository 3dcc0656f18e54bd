# Of variants that list values of a setting: what each value gives, as a table and a picture.
from erde.evaluation.values import listed_families


def listed_pareto(wildcards):
    """The table to read, if the experiment lists values at all."""
    if not listed_families(experiment(wildcards.experiment).variants):
        raise refusal(
            f"experiment {wildcards.experiment!r} must list values of a setting to compare them, "
            f"as in 'erde: {{method: erde, entropy_weight: [0, 0.3]}}', got variants "
            f"{', '.join(experiment(wildcards.experiment).variants)}"
        )
    return f"results/{wildcards.experiment}/pareto.csv"


rule values:
    input:
        listed_pareto,
    output:
        table="results/{experiment}/values.csv",
        picture=report(
            "results/{experiment}_values.png",
            caption="../report/values.rst",
            category="{experiment}",
        ),
    log:
        "results/{experiment}/logs/values.log",
    benchmark:
        "results/{experiment}/benchmarks/values.tsv"
    threads: 1
    params:
        code=code("erde.evaluation.values", "erde.pictures.values"),
    script:
        "../scripts/values.py"
