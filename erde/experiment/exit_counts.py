"""How many exits the networks of an experiment have, as far as anybody knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from erde_torch.networks.cascades.settings import AnyNetwork
from erde_torch.networks.settings import NetworkSettings


@dataclass(frozen=True)
class ExitCounts:
    """What the file says, and what has been asked besides.

    Attributes:
        teacher: of the teacher; None where only PyTorch or ONNX can tell, and nobody has asked.
        asked: of networks whose settings do not say it.
    """

    teacher: int | None = None
    asked: Mapping[NetworkSettings, int] = field(default_factory=dict)

    def of(self, network: AnyNetwork) -> int | None:
        """E of a network, or of all members of a cascade together; None where nobody knows."""
        counts = [self.asked.get(member, member.exit_count) for member in network.members]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None
