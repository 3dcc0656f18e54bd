"""Train one student."""

from erde.running.training.training_script import Trained, train_and_write
from erde_core.settings import LossSettings
from erde_torch.device import choose_precision
from erde_torch.teacher_cache.fill import expected_identity
from erde_torch.teachers.file import file_hash, read_teacher
from erde_torch.training.settings import StudentSettings
from erde_torch.training.student import train_student
from erde_torch.training.teacher_answers import OnlineTeacher, open_cache

params, inputs, wildcards = snakemake.params, snakemake.input, snakemake.wildcards


def teacher(opened, threads):
    """The keyword arguments that give the student its teacher."""
    data, host = (opened.dataset, opened.dataset_hash), opened.host
    if "cache" in inputs.keys():  # noqa: SIM118 -- Snakemake's Namedlist iterates over values
        expected = expected_identity(*data, opened.augment, params.views)
        rows, found = open_cache(inputs.cache, host, threads, **expected)
        return {"cached": rows, "teacher_hash": found}
    if "online" in inputs.keys():  # noqa: SIM118
        network, card = read_teacher(inputs.online, threads)
        card.check_data(*data)
        precision = choose_precision(params.teacher_precision, host.device)
        online = OnlineTeacher(network, precision, host.device)
        return {"online": online, "teacher_hash": file_hash(inputs.online)}
    return {}


def learn(opened):
    student, loss = StudentSettings.of(params.student), LossSettings(**params.loss)
    asked = student, opened.augment, params.views, loss, int(wildcards.seed), opened.host
    heard = teacher(opened, student.train.threads_of(opened.host.threads))
    return Trained(*train_student(opened.dataset, opened.dataset_hash, *asked, **heard))


name = f"{params.folder}/seed{wildcards.seed}"
train_and_write(snakemake, __file__, name, "student", learn)
