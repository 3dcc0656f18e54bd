import copy

import pytest
import torch

from erde_core.errors import ErdeError
from erde_torch.memory_order import in_order, order_of_training
from erde_torch.networks.answers import exit_accuracy
from erde_torch.networks.build import build_network
from erde_torch.networks.settings import NetworkSettings
from erde_torch.training import loop
from erde_torch.training.loop import seed_initialisation, seed_step
from erde_torch.training.optimisation.losses import NonFiniteLossError
from erde_torch.training.optimisation.optimiser import learning_rate, make_optimiser
from tests.erde_torch.repeated_training import EPOCHS, SEED, STEPS, cross_entropy


def test_training_is_this_plain_loop(training):
    started = training(warmup=0.3)
    network = started.make_network().train()
    order = order_of_training(network, (16, 16), torch.device("cpu"))
    forward = in_order(network.to(memory_format=order), order)
    optimiser = make_optimiser(network, started.train)
    for step in range(EPOCHS * STEPS):
        epoch, first_step = divmod(step, STEPS)
        batch = next(started.data.epoch(SEED, epoch, first_step))
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(started.train, step, EPOCHS * STEPS)
        seed_step(SEED, step)
        optimiser.zero_grad()
        cross_entropy(forward(batch.images), batch).backward()
        optimiser.step()
    found, _ = started.start()
    for name, tensor in network.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor), name


def wide_network():
    torch.manual_seed(0)
    return build_network(NetworkSettings(name="resnet10", width=1 / 4), 10, (3, 16, 16))


def test_an_average_in_another_order_of_memory_learns_as_much(training, monkeypatch):
    """Of a network that learns in both orders without damage; rounding alone sets them apart."""
    found = []
    for order in (torch.channels_last, torch.contiguous_format):
        monkeypatch.setattr(loop, "order_of_training", lambda *_, order=order: order)
        started = training(str(order), ema_decay=0.5)
        started.make_network = wide_network
        found.append(started.start()[0].state_dict())
    assert all(t.is_contiguous() for t in found[1].values())
    start, one, other = (state["stem.0.weight"] for state in (wide_network().state_dict(), *found))
    assert (other - one).norm() < 0.2 * (one - start).norm()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_non_finite_loss_stops_before_the_step(training, value):
    spoilt = training(ema_decay=0.8)
    seen = []

    def spoil(logits, batch):
        network_now = copy.deepcopy([p.detach() for p in parameters])
        seen.append(network_now)
        loss = cross_entropy(logits, batch)
        return loss * value if len(seen) == STEPS + 2 else loss

    network = spoilt.make_network()
    parameters = list(network.parameters())
    spoilt.make_network = lambda: network
    with pytest.raises(NonFiniteLossError) as caught:
        spoilt.start(spoil, seconds=-1)
    message = str(caught.value)
    assert f"got {value} in epoch 2, step 2 (learning rate 0.0" in message
    assert "images: min " in message
    assert "logits: min " in message
    assert "0 not finite" in message
    assert all(torch.equal(p, before) for p, before in zip(parameters, seen[-1], strict=True))
    assert any(not torch.equal(p, q) for p, q in zip(seen[-1], seen[-2], strict=True))


def test_teacher_logits_are_described_too(training):
    broken = training()
    broken.data = copy.copy(broken.data)
    object.__setattr__(broken.data, "rows", lambda s, v: torch.full((len(s), 4, 10), torch.nan))
    with pytest.raises(NonFiniteLossError, match=r"teacher logits: .* 960 not finite"):
        broken.start(lambda logits, batch: (logits - batch.teacher).mean())


def test_history_has_a_row_per_epoch(training, said):
    losses = []

    def noted(logits, batch):
        loss = cross_entropy(logits, batch)
        losses.append(loss.item())
        return loss

    started = training()
    network, history = started.start(noted)
    assert [row["epoch"] for row in history] == [1, 2, 3]
    for epoch, row in enumerate(history):
        own = losses[epoch * STEPS : (epoch + 1) * STEPS]
        assert row["train_loss"] == pytest.approx(sum(own) / STEPS)
        last = learning_rate(started.train, (epoch + 1) * STEPS - 1, EPOCHS * STEPS)
        assert row["learning_rate"] == last
        assert row["seconds"] > 0
    val = started.validation
    wanted = exit_accuracy(network, val.images, val.labels, "float32")
    assert [history[-1][f"val_accuracy_exit{e}"] for e in range(4)] == wanted
    lines = [line for line in said if line.startswith("epoch ")]
    assert len(lines) == EPOCHS
    assert lines[-1].startswith(f"epoch 3/3 · loss {history[-1]['train_loss']:.3f} · validation ")
    assert lines[-1].endswith("0 s left")


def test_with_an_average_the_average_is_returned_and_measured(training):
    plain, averaged = training("plain"), training("averaged", ema_decay=0.8)
    (_, rows), (network, averaged_rows) = plain.start(), averaged.start()
    columns = ["epoch", "learning_rate", "train_loss"]
    for row, other in zip(rows, averaged_rows, strict=True):  # the training itself is the same
        assert [row[c] for c in columns] == [other[c] for c in columns]
    val = averaged.validation
    measured = exit_accuracy(network, val.images, val.labels, "float32")
    assert [averaged_rows[-1][f"val_accuracy_exit{e}"] for e in range(4)] == measured


@pytest.mark.parametrize(("decay", "refused"), [(0.818, False), (0.819, True)])
def test_an_average_of_too_few_steps_is_refused_before_the_first(training, decay, refused):
    """0.05 ** (1 / 15) is 0.81896: what is left of the first step's weights after 15 steps."""
    seen = []

    def noted(logits, batch):
        seen.append(batch)
        return cross_entropy(logits, batch)

    started = training(ema_decay=decay)
    if not refused:
        started.start(noted)
        return
    with pytest.raises(ErdeError) as caught:
        started.start(noted)
    assert str(caught.value) == (
        "train.ema_decay must be at most 0.8189 for 15 steps, or the average of the weights holds "
        "more than 5% of those of the first step, got 0.819"
    )
    assert not seen


def test_the_average_is_that_of_all_steps(training):
    averaged, seen = training(ema_decay=0.75), []
    network = averaged.make_network()
    averaged.make_network = lambda: network

    def noted(logits, batch):
        seen.append(network.heads[3][-1].weight.detach().clone())
        return cross_entropy(logits, batch)

    found, _ = averaged.start(noted)
    first, *others = [*seen[1:], network.heads[3][-1].weight.detach()]
    wanted = first
    for weight in others:
        wanted = 0.75 * wanted + 0.25 * weight
    torch.testing.assert_close(found.heads[3][-1].weight.detach(), wanted)


def test_every_step_is_taken_in_training_mode(training):
    """Also those after a validation, which is done in eval mode."""
    started, modes = training(), []
    network = started.make_network()
    started.make_network = lambda: network

    def noted(logits, batch):
        modes.append({module.training for module in network.modules()})
        return cross_entropy(logits, batch)

    started.start(noted)
    assert modes == [{True}] * (EPOCHS * STEPS)


def test_a_small_network_learns(training):
    _, history = training(learning_rate=0.1).start()
    assert history[-1]["train_loss"] < 0.8 * history[0]["train_loss"]


def drawn(seed, step):
    seed_step(seed, step)
    return tuple(torch.rand(2).tolist())


def test_chance_is_a_function_of_seed_and_step():
    """Powers of two apart: generators may read the low bits only of what they are given."""
    places = [(seed, step) for seed in (0, 1, 2, 2**16, 2**31 - 1) for step in (-1, 0, 1, 2**16)]
    draws = [drawn(*place) for place in places]
    assert len(set(draws)) == len(places)
    assert [drawn(*place) for place in places] == draws


def test_chance_differs_between_processes_and_is_the_first_ones_alone():
    def draw(rank):
        seed_step(3, 4, rank)
        return torch.rand(2).tolist()

    assert draw(0) == list(drawn(3, 4))
    assert len({tuple(draw(rank)) for rank in range(4)}) == 4


def test_initialisation_is_a_function_of_the_seed():
    def draws(seed):
        seed_initialisation(seed)
        return torch.rand(3).tolist()

    assert draws(3) == draws(3) != draws(4)
