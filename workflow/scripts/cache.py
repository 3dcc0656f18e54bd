"""Fill the teacher-logits cache."""

from pathlib import Path

from erde.running.holding.lock import folder_lock
from erde.running.job import running
from erde.running.job_host import job_host
from erde_core.store.dataset import dataset_hash, read_dataset
from erde_torch.device import choose_precision, set_threads
from erde_torch.teacher_cache.fill import build_cache
from erde_torch.teachers.answers import StoredAnswers
from erde_torch.teachers.answers_cache import cache_answers
from erde_torch.teachers.file import file_hash, read_teacher
from erde_torch.training.settings import AugmentSettings

with running(f"{snakemake.wildcards.experiment} · cache", snakemake.log[0]) as say:
    params, path = snakemake.params, Path(snakemake.output[0])
    host = job_host(snakemake, "cache", say)
    threads = params.train_threads
    threads = snakemake.threads if threads == "auto" else threads
    set_threads(threads)
    dataset, augment = read_dataset(snakemake.input.data), AugmentSettings.of(params.augment)
    data = dataset, dataset_hash(dataset)
    found = [read_teacher(file, threads) for file in snakemake.input.teachers]
    for _, card in found:
        card.check_data(*data)
    teachers = [teacher for teacher, _ in found]
    with folder_lock(host.folder, say):
        if isinstance(teachers[0], StoredAnswers):
            cache_answers(path, *data, teachers[0], augment, host)
        else:
            precision = choose_precision(params.precision, host.device)
            files = [file_hash(file) for file in snakemake.input.teachers]
            asked = augment, params.views, precision, host, files
            build_cache(path, *data, teachers, *asked)
