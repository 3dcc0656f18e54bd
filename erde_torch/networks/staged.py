"""Staged inference: after each stage the samples that leave are taken out of the batch.

The survivors go on as a smaller batch, so that computing stops at any batch size, with the
decisions that ``erde_core.policy`` takes from the same logits.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from erde_core import checks
from erde_core.errors import ErdeError
from erde_core.scores.fitted import FittedScore
from erde_torch.device import autocast, forbid_tf32
from erde_torch.networks.exit_score import ExitScore
from erde_torch.networks.folding import fold_norms
from erde_torch.networks.multi_exit import MultiExitNetwork

# 32 images of 32×32: the fastest of 8, 16, 32 and 64 with one thread and ResNet10 at full width.
_PIXELS_PER_THREAD = 32 * 32 * 32
_LARGEST_BLOCK = 2**25 - 2**16
# PyTorch compiles anew for batches of 1, of 2 … 15 and of more, and for a number that is a side of
# the features as well: these hardly are.
_KINDS = (29, 11, 1)
_FEWEST = 4  # of large images: fewer leave a stage's kernels too little to do


@dataclass(frozen=True)
class Predictions:
    """What was decided of N images, in their order, on the device.

    Attributes:
        label: class, int64 ``(N,)``.
        probability: softmax of that class at the exit taken, float32 ``(N,)``.
        exit: int64 ``(N,)``, 0 … E - 1.
    """

    label: Tensor
    probability: Tensor
    exit: Tensor


class _Scored(nn.Module):
    """A stage whose exit is judged by another score than the entropy."""

    def __init__(self, stage: nn.Module, score: ExitScore) -> None:
        super().__init__()
        self.stage, self.score = stage, score

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, _, following = self.stage(inputs)
        return logits, self.score(logits), following


def exit_stages(network: MultiExitNetwork, score: FittedScore | None = None) -> list[nn.Module]:
    """The E parts of ``network`` in eval mode; each gives logits, score, and what the next reads.

    They share its weights. Part 0 reads normalised images, each later one what the part before it
    hands on: features, or in a cascade the images again. The score is the entropy where None.

    Raises:
        ValueError: ``network`` itself has a hook, or a ``forward`` without an ``exit_stages`` to
            go with it, which its parts would not run.
    """
    for part in (network, *network.in_order()):
        if part._forward_hooks or part._forward_pre_hooks:
            raise ErdeError(
                "network must have no hook of its own (put it on a stage), "
                f"got one on {type(part).__name__}"
            )
        if "forward" in vars(part) or _definer(part, "forward") < _definer(part, "exit_stages"):
            raise ErdeError(
                "network must have no forward of its own (put what it adds into the stem, a stage "
                f"or a head, or write exit_stages beside it), got one of {type(part).__name__}"
            )
    stages = [stage.eval() for stage in network.exit_stages()]
    if score is None:
        return stages
    return [_Scored(stage, ExitScore(score, e)).eval() for e, stage in enumerate(stages)]


def _definer(network: MultiExitNetwork, method: str) -> int:
    """How many classes above its own the one is that says what ``method`` does."""
    return [method in vars(kind) for kind in type(network).__mro__].index(True)


def images_at_once(images: Tensor) -> int:
    """How many of a batch to compute at a time.

    All of them on a GPU. On a CPU so many that the features of the first stage stay in its caches,
    and below the size from which each layer's output is memory new from the system.
    """
    if images.device.type != "cpu":
        return len(images)
    height, width = images.shape[-2:]
    return max(_FEWEST, torch.get_num_threads() * _PIXELS_PER_THREAD // (height * width))


def _keep_freed_memory() -> None:
    """Let glibc keep what a layer frees for the next layer's output.

    It gives freed blocks back to the system above thresholds that it raises itself, to the size of
    the largest block freed so far, at most 32 MiB. Until then each layer waits for cleared pages.
    """
    torch.empty(_LARGEST_BLOCK, dtype=torch.uint8)


def _allow_recompiles(count: int) -> None:
    """All stages share one ``forward``; beyond its limit PyTorch quietly stops compiling."""
    config = torch._dynamo.config
    config.recompile_limit = max(config.recompile_limit, count)


class StagedNetwork:
    """A multi-exit network that really leaves early.

    Args:
        network: any; copied, so that later training does not change the answers.
        device: where it runs.
        precision: ``float32``, or ``bf16`` where the processor multiplies it natively (the
            decisions then differ from those of the evaluation, which is in float32).
        compiled: compile each stage for any batch size; the first call then takes seconds, as
            does the first with images of another shape.
        score: by which images leave; the entropy where None.
    """

    def __init__(
        self,
        network: MultiExitNetwork,
        device: torch.device | None = None,
        precision: str = "float32",
        compiled: bool = False,
        score: FittedScore | None = None,
    ) -> None:
        checks.one_of("precision", precision, ("float32", "bf16"))
        self.device, self.precision = device or torch.device("cpu"), precision
        if self.device.type == "cpu":
            _keep_freed_memory()
        forbid_tf32()
        copied = copy.deepcopy(network).eval()
        fold_norms(copied)
        copied.to(self.device).to(memory_format=torch.channels_last)
        # Again: a score has numbers of its own, which lie on the CPU so far.
        self.stages = [stage.to(self.device) for stage in exit_stages(copied, score)]
        self._compiled, self._compiled_for = compiled, set[torch.Size]()
        if compiled:
            _allow_recompiles(4 * len(self.stages))
            for stage in self.stages:
                stage.compile(dynamic=True)

    # Inference mode is not used: torch.compile would compile anew for each kind of tensor.
    @torch.no_grad()
    def predict(self, images: Tensor, thresholds: ArrayLike) -> Predictions:
        """Classify ``images``, each at the first exit whose score is below its threshold.

        Args:
            images: normalised, float ``(N, channels, H, W)``.
            thresholds: in the score's unit (nats, of entropies), one for all early exits or one
                for each; at 0 no image leaves early. They may differ from call to call.

        Raises:
            ValueError: a threshold is negative or NaN, their number is wrong, or N = 0.
        """
        limits = checks.exit_thresholds(np.asarray(thresholds), len(self.stages))
        if images.ndim != 4 or not len(images):
            raise ErdeError(
                f"images must have shape (N, channels, H, W) with N >= 1, got {tuple(images.shape)}"
            )
        images = images.to(self.device, memory_format=torch.channels_last)
        with autocast(self.precision, self.device):
            if self._compiled and images.shape[1:] not in self._compiled_for:
                self._compile_for(images)
            parts = [
                self._predict(self._own(part), [*limits.tolist(), np.inf])
                for part in torch.split(images, images_at_once(images))
            ]
        fields = zip(*((p.label, p.probability, p.exit) for p in parts), strict=True)
        return Predictions(*map(torch.cat, fields))

    def _compile_for(self, images: Tensor) -> None:
        """Meet every kind of batch now, not when all but one image of some later one have left."""
        for count in _KINDS:
            features = self._own(images.new_zeros(count, *images.shape[1:]))
            for stage in self.stages:
                _, _, features = stage(features)
        self._compiled_for.add(images.shape[1:])

    def _own(self, images: Tensor) -> Tensor:
        """Before compiled stages a copy: they are compiled anew for a part of a tensor."""
        return images.clone(memory_format=torch.channels_last) if self._compiled else images

    def _predict(self, features: Tensor, limits: list[float]) -> Predictions:
        count = len(features)
        waiting = torch.arange(count, device=self.device)
        label, exit_taken = torch.empty_like(waiting), torch.empty_like(waiting)
        probability = torch.empty(count, device=self.device)
        for index, (stage, limit) in enumerate(zip(self.stages, limits, strict=True)):
            logits, unsure, features = stage(features)
            leaves = unsure < limit
            last = index == len(limits) - 1
            # One number is read per exit: copying nothing where nobody or everybody leaves.
            staying = 0 if last else len(waiting) - int(leaves.count_nonzero())
            if staying == len(waiting):
                continue
            gone, said = waiting, logits
            if staying:
                order = leaves.to(torch.uint8).argsort(stable=True)  # who stays, then who leaves
                gone, said = waiting[order[staying:]], logits[order[staying:]]
                waiting, features = waiting[order[:staying]], features[order[:staying]]
            top = said.softmax(dim=1).max(dim=1)
            label.index_copy_(0, gone, top.indices)
            probability.index_copy_(0, gone, top.values)
            exit_taken.index_fill_(0, gone, index)
            if not staying:
                break
        return Predictions(label, probability, exit_taken)
