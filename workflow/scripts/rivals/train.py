"""Train one static rival."""

from dataclasses import replace

from erde.running.training.training_script import Trained, train_and_write
from erde_core.settings import LossSettings
from erde_torch.networks.rivals.network import rival_loss, rival_network
from erde_torch.teacher_cache.fill import expected_identity
from erde_torch.training.settings import StudentSettings
from erde_torch.training.student import train_student
from erde_torch.training.teacher_answers import LastExit, open_cache

params, wildcards = snakemake.params, snakemake.wildcards


def learn(opened):
    dataset, host = opened.dataset, opened.host
    data = dataset, opened.dataset_hash
    student, loss = StudentSettings.of(params.student), LossSettings(**params.loss)
    expected = expected_identity(*data, opened.augment, params.views)
    threads = student.train.threads_of(host.threads)
    rows, found = open_cache(snakemake.input.cache, host, threads, **expected)
    shape, classes = dataset.image_shape, len(dataset.class_names)
    plain = rival_network(wildcards.rival, student.network, classes, shape)
    narrowed = replace(student, network=plain.network)
    loss = rival_loss(loss, plain.exit_count, plain.ends_at)
    asked = narrowed, opened.augment, params.views, loss, int(wildcards.seed)
    heard = {"cached": LastExit(rows, plain.exit_count), "teacher_hash": f"{found} last exit"}
    return Trained(*train_student(*data, *asked, host, **heard))


name = f"rivals/{wildcards.rival}/seed{wildcards.seed}"
train_and_write(snakemake, __file__, name, "student", learn)
