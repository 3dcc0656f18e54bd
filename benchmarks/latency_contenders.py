"""What the latency benchmark times: teacher, student without exits, student with exits.

Weights are random, so entropies mean nothing: the images and the scale of the heads are chosen so
that the entropies differ, and thresholds so that the student costs the wanted share of its MACs.
"""

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from erde_core.store.exit_logits import ExitLogits, SplitLogits
from erde_torch.augment import plain_images
from erde_torch.experiment import Network
from erde_torch.export.folder import write_deployment
from erde_torch.export.manifest import deployment_manifest
from erde_torch.export.runner import Runner
from erde_torch.infer import StagedNetwork, fold_norms
from erde_torch.macs import exit_macs
from erde_torch.models import MultiExitResNet
from erde_torch.operating_points import split_sweep
from erde_torch.weights import NetworkCard

MEAN = STD = (0.5, 0.5, 0.5)


@dataclass
class Contender:
    """One line of the table: ``run(start, stop)`` classifies images ``start`` … ``stop`` - 1."""

    name: str
    runtime: str
    macs: float
    run: object


class FullNetwork(nn.Module):
    """A multi-exit network to its end, early heads left out."""

    def __init__(self, network):
        super().__init__()
        self.body = nn.Sequential(network.stem, *network.stages, network.heads[-1])

    def forward(self, images):
        return self.body(images)


def random_images(count, side):
    """uint8 ``(count, side, side, 3)``: coarse patterns, each with its own contrast."""
    rng = np.random.default_rng(0)
    coarse = rng.normal(size=(count, 4, 4, 3)) * rng.uniform(5, 80, (count, 1, 1, 1))
    fine = rng.normal(size=(count, side, side, 3)) * rng.uniform(0, 40, (count, 1, 1, 1))
    blocks = coarse.repeat(side // 4, axis=1).repeat(side // 4, axis=2)
    return (128 + blocks + fine).clip(0, 255).astype(np.uint8)


def random_network(name, options):
    torch.manual_seed(0)
    settings = Network(name=name, width=options.width, head_pool=options.head_pool)
    network = MultiExitResNet(settings, options.classes, (3, options.side, options.side)).eval()
    return network.to(memory_format=torch.channels_last)


def normalised(pixels, device):
    viewed = plain_images(pixels, MEAN, STD, device)
    everyone = torch.arange(len(pixels), device=device)
    return viewed.batch(everyone, torch.zeros_like(everyone))


@torch.no_grad()
def spread_entropies(network, images):
    """Scale each head so that its logits differ by about 3 within an image, as after training."""
    for head, logits in zip(network.heads, network(images).unbind(1), strict=True):
        head[-1].weight.mul_(3 / logits.std(dim=1).mean().item())


def exit_logits_of(network, images, macs):
    with torch.no_grad():
        logits = network(images).cpu().numpy()
    labels = logits[:, -1].argmax(axis=1)
    split = SplitLogits(logits, labels, np.arange(len(labels)))
    return ExitLogits(split, split, macs, "0" * 64, "0" * 64)


def wanted_thresholds(exits, shares):
    """{share: (threshold, mean MACs, share of samples per exit)} nearest to each wanted share."""
    points = split_sweep(exits.val, exits.macs)
    found = {}
    for share in shares:
        k = int(np.abs(points.mean_macs - share * exits.macs[-1]).argmin())
        found[share] = (points.threshold[k], points.mean_macs[k], points.exit_share[k])
    return found


def full_macs(network, side):
    device = next(network.parameters()).device
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, side, side, device=device))
    return counter.get_total_flops() // 2


def torch_full(name, network, images, side, compiled, device):
    macs = full_macs(FullNetwork(network), side)
    network = fold_norms(FullNetwork(copy.deepcopy(network)).eval()).to(device)
    call = torch.compile(network, dynamic=True) if compiled else network

    def run(start, stop):
        with torch.inference_mode():
            call(images[start:stop]).argmax(1)

    return Contender(name, "compiled" if compiled else "eager", macs, run)


def torch_staged(network, images, points, compiled, device):
    staged = StagedNetwork(network, device, compiled=compiled)
    runtime = "compiled" if compiled else "eager"
    for share, (threshold, macs, _) in points.items():

        def run(start, stop, threshold=threshold):
            staged.predict(images[start:stop], threshold)

        yield Contender(exits_name(share), runtime, macs, run)


def onnx_full(name, network, images, side, threads, folder):
    path, macs = Path(folder) / f"{name}.onnx", full_macs(FullNetwork(network), side)
    program = torch.onnx.export(
        FullNetwork(network).eval(),
        (images[:2],),
        input_names=["images"],
        dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
        dynamo=True,
        verbose=False,
    )
    program.save(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
    arrays = images.contiguous().numpy()

    def run(start, stop):
        session.run(None, {"images": arrays[start:stop]})[0].argmax(1)

    return Contender(name, "ONNX Runtime", macs, run)


def onnx_staged(network, exits, pixels, points, threads, folder):
    """The shipped runner, with its normalisation of the pixels."""
    names = tuple(map(str, range(exits.test.logits.shape[2])))
    card = NetworkCard({}, (3, *pixels.shape[1:3]), names, MEAN, STD, "0" * 64, "float32")
    manifest = deployment_manifest(card, exits, 1, "benchmark", "random")
    write_deployment(Path(folder) / "student", network, manifest)
    runner = Runner(Path(folder) / "student", threads)
    for share, (threshold, macs, _) in points.items():

        def run(start, stop, threshold=threshold):
            runner.predict(pixels[start:stop], threshold)

        yield Contender(exits_name(share), "ONNX Runtime", macs, run)


def exits_name(share):
    return f"student, exits, {share:.0%} of its MACs"


def student_with_exits(options, pixels, device, shares):
    """The student, its exit logits and its operating points."""
    network, images = random_network("resnet10", options), normalised(pixels, device)
    network.to(device)
    spread_entropies(network, images)
    macs = exit_macs(network, tuple(images.shape[1:]))
    exits = exit_logits_of(network, images, macs)
    return network, exits, wanted_thresholds(exits, shares)
