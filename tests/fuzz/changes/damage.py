"""What can happen to the bytes of a file, and what a reader may then do: refuse, or be right."""

import contextlib
import faulthandler

import numpy as np
import torch


def flipped_bit(draw, data):
    place = draw.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << draw.randrange(8)]) + data[place + 1 :]


def flipped_near_the_start(draw, data):
    """Headers are small, and most of a file is numbers."""
    place = draw.randrange(min(len(data), 2048))
    return data[:place] + bytes([data[place] ^ 1 << draw.randrange(8)]) + data[place + 1 :]


def truncated(draw, data):
    return data[: draw.randrange(len(data))]


def extended(draw, data):
    return data + draw.randbytes(draw.randrange(1, 100))


def zeroed(draw, data):
    """A sector that never reached the disk."""
    start = draw.randrange(len(data))
    end = min(len(data), start + draw.choice((1, 16, 512)))
    return data[:start] + bytes(end - start) + data[end:]


def overwritten(draw, data):
    start, length = draw.randrange(len(data)), draw.choice((1, 8, 64))
    noise = draw.randbytes(length)
    return data[:start] + noise + data[start + length :]


def exchanged(draw, data):
    """Two blocks in each other's place."""
    length = draw.choice((1, 8, 64, 512))
    if len(data) < 2 * length + 2:
        return data[::-1]
    first = draw.randrange(len(data) - 2 * length)
    second = draw.randrange(first + length, len(data) - length + 1)
    blocks = data[first : first + length], data[second : second + length]
    between = data[first + length : second]
    return data[:first] + blocks[1] + between + blocks[0] + data[second + length :]


BYTES = (
    flipped_bit,
    flipped_near_the_start,
    truncated,
    extended,
    zeroed,
    overwritten,
    exchanged,
)


@contextlib.contextmanager
def no_hang(seconds=20):
    """End the process, with a traceback of where it stands, if the block takes longer."""
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def plain(value):
    """Everything that a reader gave, comparable."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.numpy().tobytes()
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return [plain(getattr(value, name)) for name in value.__dataclass_fields__]
    return value


def outcome(read, path, error):
    """``("refused", None)``, or ``("read", what)``; any other error is a traceback to the user."""
    with no_hang():
        try:
            return "read", plain(read(path))
        except error as refusal:
            said = str(refusal)
            assert str(path) in said, said
            assert "\n" not in said, said
            return "refused", None
