"""Check the teacher-logits cache against its teachers."""

import json

from erde.running.job import running
from erde.running.job_host import device_of
from erde_core.store.dataset import dataset_hash, read_dataset
from erde_core.store.files import write_text
from erde_core.store.teacher_logits import read_teacher_logits, verify_content
from erde_torch.device import set_threads
from erde_torch.teacher_cache.verify import verify_cache
from erde_torch.teachers.answers import StoredAnswers
from erde_torch.teachers.answers_cache import verify_answers
from erde_torch.teachers.file import read_teacher
from erde_torch.training.settings import AugmentSettings

with running(f"{snakemake.wildcards.experiment} · verify", snakemake.log[0]) as say:
    set_threads(snakemake.threads)
    dataset = read_dataset(snakemake.input.data)
    cache = read_teacher_logits(snakemake.input.cache)
    verify_content(cache, snakemake.input.cache, snakemake.threads)
    data = dataset, dataset_hash(dataset)
    augment = AugmentSettings.of(snakemake.params.augment)
    files = snakemake.input.teachers
    teachers = [read_teacher(file, snakemake.threads)[0] for file in files]
    if isinstance(teachers[0], StoredAnswers):
        found = verify_answers(cache, *data, teachers[0], augment)
    else:
        device = device_of(snakemake, say)
        found = verify_cache(cache, *data, teachers, augment, device)
    say(f"{found['rows']} rows recomputed, largest difference {found['largest']:.2g} logits")
    write_text(snakemake.output[0], json.dumps(found, indent=2) + "\n")
