"""Train the teacher, or the teacher of one fold."""

from erde.running.training.training_script import Trained, train_and_write
from erde_torch.training.settings import TeacherSettings
from erde_torch.training.teacher import train_teacher

name = snakemake.wildcards.teacher
fold = int(name.removeprefix("teacher/fold")) if "fold" in name else None


def learn(opened):
    asked = TeacherSettings.of(snakemake.params.teacher), opened.augment, opened.host, fold
    return Trained(*train_teacher(opened.dataset, opened.dataset_hash, *asked))


train_and_write(snakemake, __file__, name, "teacher", learn)
