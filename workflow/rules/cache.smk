# The teacher's answer to every view of every training image, and the check that it is right.


def view_count(exp):
    return exp.cache.view_count


rule cache:
    input:
        data="results/{experiment}/data.h5",
        teachers=teachers,
    output:
        "results/{experiment}/teacher_logits.h5",
    log:
        "results/{experiment}/logs/cache.log",
    benchmark:
        "results/{experiment}/benchmarks/cache.tsv"
    threads: asking_threads("teacher")
    resources:
        gpu=gpus,
        mem_mb=memory("cache"),
    params:
        augment=settings("augment"),
        views=setting(view_count),
        precision=setting(lambda exp: exp.cache.precision),
        train_threads=setting(lambda exp: exp.teacher.threads),
        device=setting(lambda exp: exp.device),
        code=code_with(
            ["teacher"], "erde_torch.teacher_cache.fill", "erde_torch.networks.weights"
        ),
    script:
        "../scripts/cache.py"


# The check depends on cache, teachers and code, and not on the machine. What is in the cache stays
# the teacher's answer wherever the file is copied to, and that the bytes are those that were checked
# is seen by every training, which hashes the cache before its first step.
# The curves wait for it, not the students: an ancient() input whose own job runs again hides
# other reasons to rerun (Snakemake 9.27). The priority lets it run before the students all the same.
rule verify:
    input:
        data="results/{experiment}/data.h5",
        cache="results/{experiment}/teacher_logits.h5",
        teachers=teachers,
    output:
        "results/{experiment}/teacher_logits_verified.json",
    log:
        "results/{experiment}/logs/verify.log",
    benchmark:
        "results/{experiment}/benchmarks/verify.tsv"
    priority: 10
    threads: asking_threads("teacher")
    resources:
        gpu=gpus,
        mem_mb=memory("verify"),
    params:
        augment=settings("augment"),
        device=setting(lambda exp: exp.device),
        code=code_with(["teacher"], "erde_torch.teacher_cache.verify"),
    script:
        "../scripts/verify.py"
