"""All that a step changes: looked at, copied and put back."""

from torch import Tensor

from erde_torch.training.checkpoint import TrainingState
from erde_torch.training.optimisation.optimiser import bad_loss


def content_of(state: TrainingState, loss: Tensor) -> dict[str, Tensor]:
    """Tensors of ``state`` and its optimiser's flag, with a step's ``loss``, where they lie."""
    return {"loss": loss, "bad loss": bad_loss(state.optimiser), **state.tensors()}


def copied(content: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same in other memory."""
    return {name: tensor.detach().clone() for name, tensor in content.items()}


def put_back(state: TrainingState, content: dict[str, Tensor]) -> None:
    """Give ``state`` the values of ``content``, all but the loss, in the memory that it has."""
    state.restore(content)
    bad_loss(state.optimiser).copy_(content["bad loss"])
