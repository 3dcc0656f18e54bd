"""What the latency benchmark times where nothing was trained: networks with random weights.

Entropies then mean nothing: the images and the scale of the heads are chosen so that the entropies
differ, and thresholds so that the student costs the wanted share of its MACs.
"""

import numpy as np
import torch

from erde.deployment.runner import predictor
from erde_core.outcomes import split_sweep
from erde_core.store.exit_logits import SplitLogits
from erde_torch.export.onnx_graph import stage_models
from erde_torch.int8.exit_logits import split_logits
from erde_torch.int8.quantise import facts_of, quantised_stages
from erde_torch.int8.runtime import normalised
from erde_torch.int8.settings import Int8Settings
from erde_torch.int8.stages import stage_bytes
from erde_torch.latency.contenders import Int8Trial, Trial
from erde_torch.networks.build import build_network
from erde_torch.networks.macs import exit_macs, part_macs
from erde_torch.networks.settings import NetworkSettings
from erde_torch.networks.viewed_images import plain_images
from erde_torch.networks.weights import NetworkCard

MEAN = STD = (0.5, 0.5, 0.5)
SHARES = (0.75, 0.5, 0.35)


def random_trial(options, device):
    """Teacher and student, and the student's thresholds for ``SHARES`` of its MACs."""
    side, classes = options.side, options.classes
    pixels = random_images(max(options.images, *options.batches), side)
    student = random_network(options.student, options, options.head)
    teacher = random_network(options.teacher, options, "linear")
    viewed = plain_images(pixels, MEAN, STD, torch.device("cpu"))
    everyone = torch.arange(len(pixels))
    images = viewed.batch(everyone, torch.zeros_like(everyone))
    logits = spread_logits(student, images)
    macs = exit_macs(student, (3, side, side))
    names = tuple(map(str, range(classes)))
    card = NetworkCard({}, (3, side, side), names, MEAN, STD, "0" * 64, "float32")
    points = wanted_thresholds(logits, macs, options.shares)
    int8 = in_8_bits(student, card, pixels, macs, options) if "int8" in options.runtimes else None
    threads = options.threads
    return Trial(
        teacher, student, card, pixels, logits, macs, points, device, predictor, threads, int8
    )


def head_shares(network, image_shape):
    """MACs of each head, as a share of its exit's: of the head and the stages before it."""
    stages, heads = part_macs(network, image_shape)
    return heads / (np.cumsum(stages) + heads)


def in_8_bits(student, card, pixels, macs, options):
    """The student in 8 bits, and its own thresholds for the same shares of MACs."""
    images = normalised(pixels, card)
    settings = Int8Settings(reduce_range=options.reduce_range, correct_biases=False)
    stages = quantised_stages(stage_models(student, card.image_shape), images, settings)
    facts = facts_of(stages[0])
    print(
        f"stages in 8 bits: {stage_bytes(stages) / facts['float32_bytes']:.3f} of float32's bytes"
    )
    logits = split_logits(stages, card, pixels)
    return Int8Trial(stages, logits, wanted_thresholds(logits, macs, options.shares))


def random_images(count, side):
    """uint8 ``(count, side, side, 3)``: coarse patterns, each with its own contrast."""
    rng = np.random.default_rng(0)
    coarse = rng.normal(size=(count, 4, 4, 3)) * rng.uniform(5, 80, (count, 1, 1, 1))
    fine = rng.normal(size=(count, side, side, 3)) * rng.uniform(0, 40, (count, 1, 1, 1))
    blocks = coarse.repeat(side // 4, axis=1).repeat(side // 4, axis=2)
    return (128 + blocks + fine).clip(0, 255).astype(np.uint8)


def random_network(name, options, head):
    torch.manual_seed(0)
    form = {"head": "conv"} if head == "conv" else {"head_pool": options.head_pool}
    settings = NetworkSettings(name=name, width=options.width, **form)
    network = build_network(settings, options.classes, (3, options.side, options.side)).eval()
    return network.to(memory_format=torch.channels_last)


@torch.no_grad()
def spread_logits(network, images):
    """Scale each head so that its logits differ by about 3 within an image, as after training."""
    for head, logits in zip(network.heads, network(images).unbind(1), strict=True):
        head[-1].weight.mul_(3 / logits.std(dim=1).mean().item())
    return network(images).numpy()


def wanted_thresholds(logits, macs, shares=SHARES):
    """{name: threshold} whose mean MACs are nearest to each wanted share of the last exit's."""
    labels = logits[:, -1].argmax(axis=1)
    points = split_sweep(SplitLogits(logits, labels, np.arange(len(labels))), macs)
    found = {}
    for share in shares:
        k = int(np.abs(points.mean_macs - share * macs[-1]).argmin())
        found[f"exits, {share:.0%} of its MACs"] = float(points.threshold[k])
    return found
