import threading

import numpy as np
import pytest
import torch

from erde_core.views import all_views, view_of_samples
from erde_torch.training.data import training_set, viewed_train_images

CPU = torch.device("cpu")
VIEWS = all_views(1, True)


class Recorder:
    """Gives rows that name their (sample, view), and remembers what it was asked."""

    def __init__(self):
        self.asked, self.threads = [], []

    def __call__(self, samples, views):
        self.asked.append((samples, views))
        self.threads.append(threading.current_thread())
        return torch.from_numpy(np.stack([samples, views], axis=1).astype(np.float16))


@pytest.fixture
def training(tiny_dataset, augment):
    images = viewed_train_images(tiny_dataset, augment, VIEWS, CPU)

    def make(batch_size=25, **given):
        return training_set(tiny_dataset, images, len(VIEWS), batch_size, CPU, **given)

    return make


def pairs(data, seed, epoch, first_step=0):
    """(sample, view) of every image of an epoch, per batch, as the rows' recorder names them."""
    return [batch.teacher.long().tolist() for batch in data.epoch(seed, epoch, first_step)]


def same(batches, others):
    return all(
        torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels)
        for a, b in zip(batches, others, strict=True)
    )


def test_an_epoch_is_a_function_of_seed_and_epoch(training):
    data = training()
    whole = list(data.epoch(3, 5, 0))
    assert len(whole) == data.steps == 4  # 120 images, 25 each; 20 are left out
    assert same(whole, list(data.epoch(3, 5, 0)))
    assert same(whole, list(training().epoch(3, 5, 0)))
    assert not same(whole, list(data.epoch(3, 6, 0)))
    assert not same(whole, list(data.epoch(4, 5, 0)))


@pytest.mark.parametrize("first_step", [0, 1, 3, 4])
def test_a_later_start_gives_the_tail_of_the_epoch(training, first_step):
    data = training(rows=Recorder())
    whole, tail = list(data.epoch(1, 2, 0))[first_step:], list(data.epoch(1, 2, first_step))
    assert same(whole, tail)
    assert all(torch.equal(a.teacher, b.teacher) for a, b in zip(whole, tail, strict=True))


def test_each_sample_comes_at_most_once_per_epoch_and_in_time_always(training):
    data, seen = training(rows=Recorder()), set()
    for epoch in range(6):
        samples = [sample for batch in pairs(data, 0, epoch) for sample, _ in batch]
        assert len(samples) == len(set(samples)) == 100
        seen |= set(samples)
    assert seen == set(range(120))


def test_views_are_those_of_the_generator_and_all_come(training):
    data, seen = training(rows=Recorder()), set()
    for epoch in range(6):
        drawn = view_of_samples(7, epoch, 120, len(VIEWS))
        for batch in pairs(data, 7, epoch):
            assert all(drawn[sample] == view for sample, view in batch)
            seen |= {view for _, view in batch}
    assert seen == set(range(len(VIEWS)))


def test_images_labels_and_rows_belong_together(training, tiny_dataset):
    rows = Recorder()
    data = training(rows=rows)
    batches = list(data.epoch(0, 0, 0))
    assert len(rows.asked) == len(batches)
    for batch, (samples, views) in zip(batches, rows.asked, strict=True):
        index = torch.from_numpy(samples)
        wanted = data.images.batch(index, torch.from_numpy(views))
        torch.testing.assert_close(batch.images, wanted, rtol=0, atol=0)
        np.testing.assert_array_equal(batch.labels, tiny_dataset.train.labels[samples])
        assert batch.teacher[:, 0].long().tolist() == samples.tolist()
        assert batch.teacher[:, 1].long().tolist() == views.tolist()


def test_a_part_of_the_samples(training, tiny_dataset):
    """A fold's teacher: other samples never come, and views stay those of the whole data set."""
    chosen = np.flatnonzero(tiny_dataset.train.labels % 2 == 1)
    data = training(10, samples=chosen, rows=Recorder())
    assert data.steps == 6
    came = [pair for batch in pairs(data, 0, 0) for pair in batch]
    assert sorted(sample for sample, _ in came) == chosen.tolist()
    drawn = view_of_samples(0, 0, 120, len(VIEWS))
    assert all(drawn[sample] == view for sample, view in came)


def test_rows_are_read_ahead_in_another_thread(training):
    rows = Recorder()
    batches = training(rows=rows).epoch(0, 0, 0)
    next(batches)
    deadline = threading.Event()
    for _ in range(500):
        if len(rows.asked) == 2:
            break
        deadline.wait(0.01)
    assert len(rows.asked) == 2  # the first, and the second while the first is in use
    assert threading.current_thread() not in rows.threads
    batches.close()
    assert not any(thread.is_alive() for thread in rows.threads)


def test_an_error_in_the_rows_reaches_the_caller(training):
    def broken(samples, views):
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        next(training(rows=broken).epoch(0, 0, 0))


def test_no_teacher_without_rows(training):
    assert next(training().epoch(0, 0, 0)).teacher is None


def test_a_batch_cannot_be_larger_than_the_data_set(training):
    assert training(120).steps == 1
    with pytest.raises(
        ValueError, match="batch_size must be at most the 120 training images, got 121"
    ):
        training(121)
