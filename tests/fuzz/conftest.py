"""The fixtures of everything that tests PyTorch's side."""

from tests.torch_fixtures import *  # noqa: F403 -- pytest finds fixtures by their names here
