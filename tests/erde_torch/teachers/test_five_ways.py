"""One teacher, five ways: trained here, its weights, its ONNX export, its logits, asked online."""

import numpy as np
import pytest
import torch

from erde_core.settings import method_settings
from erde_core.store.teacher_logits import read_teacher_logits
from erde_torch.networks.answers import view_logits
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.viewed_images import plain_images
from erde_torch.networks.weights import network_hash, read_network, write_network
from erde_torch.teacher_cache.fill import build_cache
from erde_torch.teacher_cache.verify import verify_cache
from erde_torch.teachers import answers, onnx_network, weights
from erde_torch.teachers.answers_cache import cache_answers
from erde_torch.teachers.facts import Data
from erde_torch.teachers.file import read_teacher, write_teacher
from erde_torch.teachers.settings import LogitsTeacher, OnnxTeacher, WeightsTeacher
from erde_torch.training.settings import AugmentSettings, StudentSettings, TeacherSettings
from erde_torch.training.student import train_student
from erde_torch.training.teacher import train_teacher
from erde_torch.training.teacher_answers import CachedTeacher, OnlineTeacher

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch's fast exporter
CPU = torch.device("cpu")
NETWORK = {"name": "resnet10", "width": 1 / 16}
ONE_VIEW = AugmentSettings(pad=1, flip=False)


@pytest.fixture
def taught(tiny_dataset, tiny_hash, environment, short_training, tmp_path):
    """A teacher trained here, as a file; and ways to make of it what others have."""
    return Taught(tiny_dataset, tiny_hash, environment, short_training(1), tmp_path)


class Taught:
    def __init__(self, dataset, dataset_hash, environment, train, folder):
        self.data, self.environment, self.train = (dataset, dataset_hash), environment, train
        self.folder = folder
        settings = TeacherSettings(network=NetworkSettings(**NETWORK), train=train)
        host = environment(folder="teacher")
        network, self.card, _ = train_teacher(*self.data, settings, ONE_VIEW, host)
        write_network(folder / "trained.safetensors", network, self.card)
        self.network = read_network(folder / "trained.safetensors")[0]

    def weights(self):
        path = str(self.folder / "trained.safetensors")
        asked = WeightsTeacher(network=NetworkSettings(**NETWORK), trained=path)
        return self._brought(weights.bring(asked, self.card)[0])

    def onnx(self):
        path, images = str(self.folder / "t.onnx"), torch.zeros(2, 3, 16, 16)
        axes = {"images": {0: "N"}}
        torch.onnx.export(
            self.network, (images,), path, dynamo=False, input_names=["images"], dynamic_axes=axes
        )
        return self._brought(onnx_network.bring(OnnxTeacher(onnx=path), self.card)[0])

    def logits(self):
        dataset = self.data[0]
        said = {s: self._said(getattr(dataset, s).images) for s in ("train", "val", "test")}
        np.save(self.folder / "rows.npy", np.concatenate([said["train"], said["val"]]))
        np.save(self.folder / "test.npy", said["test"])
        paths = {"logits": "rows.npy", "test_logits": "test.npy"}
        given = LogitsTeacher(**{key: str(self.folder / name) for key, name in paths.items()})
        train = np.arange(len(dataset.train))
        rows = train, len(train) + np.arange(len(dataset.val))
        data = Data(image_shape=(3, 16, 16), classes=10)
        return self._brought(answers.bring(given, self.card, data, *rows)[0])

    def cached(self, teacher, name, views=1):
        path, host = self.folder / f"{name}.h5", self.environment(folder=f"cache {name}")
        if isinstance(teacher, answers.StoredAnswers):
            cache_answers(path, *self.data, teacher, ONE_VIEW, host)
        else:
            build_cache(path, *self.data, [teacher], ONE_VIEW, views, "float32", host)
            found = read_teacher_logits(path)
            verify_cache(found, *self.data, [teacher], ONE_VIEW, CPU)
        return read_teacher_logits(path)

    def student(self, name, teacher_hash="same", **heard):
        settings = StudentSettings(network=NetworkSettings(**NETWORK), train=self.train)
        asked = settings, ONE_VIEW, 1, method_settings("erde"), 0
        host = self.environment(folder=f"student {name}")
        network, _, _ = train_student(*self.data, *asked, host, teacher_hash=teacher_hash, **heard)
        return network_hash(network)

    def _brought(self, file):
        path = self.folder / "teacher.safetensors"
        write_teacher(path, file)
        teacher, card = read_teacher(path)
        card.check_data(*self.data)
        return teacher

    def _said(self, pixels):
        dataset = self.data[0]
        images = plain_images(pixels, dataset.mean, dataset.std, CPU)
        return view_logits(self.network, images, torch.arange(len(pixels)), 0, "float32").numpy()


def test_the_same_teacher_teaches_the_same_however_it_comes(taught):
    caches = {
        name: taught.cached(teacher, name)
        for name, teacher in (
            ("trained", taught.network),
            ("weights", taught.weights()),
            ("onnx", taught.onnx()),
            ("logits", taught.logits()),
        )
    }
    logits = {name: np.array(cache.logits) for name, cache in caches.items()}
    for name in ("weights", "logits"):
        np.testing.assert_array_equal(logits[name], logits["trained"])
    step = np.spacing(np.abs(logits["trained"]).max())  # of float16 at the largest of them
    wide = logits["onnx"].astype(np.float32) - logits["trained"].astype(np.float32)
    assert np.abs(wide).max() <= step
    students = {
        name: taught.student(name, cached=CachedTeacher(cache, CPU))
        for name, cache in caches.items()
        if name != "onnx"
    }
    assert len(set(students.values())) == 1
    online = {
        name: taught.student(f"online {name}", online=OnlineTeacher(network, "float32", CPU))
        for name, network in (("trained", taught.network), ("weights", taught.weights()))
    }
    assert len(set(online.values())) == 1


def test_weights_answer_every_view_as_the_trained_teacher(taught):
    trained = taught.cached(taught.network, "trained", views=None)
    found = taught.cached(taught.weights(), "weights", views=None)
    assert len(found.views) == 9
    np.testing.assert_array_equal(found.logits, trained.logits)
    assert found.identity.teacher == trained.identity.teacher
