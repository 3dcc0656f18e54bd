# One experiment file in, one picture out:
#   workflow/experiments/cifar100.yaml  →  snakemake --cores 8 results/cifar100_pareto.png


include: "workflow/rules/common.smk"
include: "workflow/rules/code.smk"
include: "workflow/rules/wildcards.smk"
include: "workflow/rules/trainings.smk"
include: "workflow/rules/cluster.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/teacher.smk"
include: "workflow/rules/cache.smk"
include: "workflow/rules/student.smk"
include: "workflow/rules/int8.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/plot.smk"
include: "workflow/rules/values.smk"
include: "workflow/rules/latency.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/rivals.smk"
include: "workflow/rules/envelope.smk"
include: "workflow/rules/deploy.smk"
include: "workflow/rules/parity.smk"


rule all:
    default_target: True
    input:
        "results/digits_pareto.png",
