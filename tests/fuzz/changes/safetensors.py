"""What can happen to the parts of a safetensors file: exchanged, retyped, reshaped, gone."""

import json
import random

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.fuzz.changes.damage import BYTES


def exchanged_tensors(draw, metadata, tensors):
    first, second = draw.sample(sorted(tensors), 2)
    tensors[first], tensors[second] = tensors[second], tensors[first]


def retyped(draw, metadata, tensors):
    """The bytes stay, or the values."""
    name = draw.choice(sorted(tensors))
    if draw.random() < 0.5:
        tensors[name] = tensors[name].to(draw.choice((torch.float64, torch.bfloat16, torch.int64)))
    elif tensors[name].dtype == torch.float32:
        tensors[name] = tensors[name].view(torch.int32)


def reshaped(draw, metadata, tensors):
    name = draw.choice(sorted(tensors))
    shape = draw.choice(((-1,), (1, -1), (-1, 1)))
    tensors[name] = tensors[name].reshape(shape).contiguous()


def other_value(draw, metadata, tensors):
    name = draw.choice(sorted(tensors))
    flat = tensors[name].reshape(-1)
    flat[draw.randrange(len(flat))] *= -1


def renamed(draw, metadata, tensors):
    name = draw.choice(sorted(tensors))
    tensors[name + draw.choice("x0.")] = tensors.pop(name)


def gone(draw, metadata, tensors):
    del tensors[draw.choice(sorted(tensors))]


def other_metadata(draw, metadata, tensors):
    name = draw.choice(sorted(metadata))
    metadata[name] = draw.choice(("", "x", "{}", "[]", "null", metadata[name][:-1], "[" * 5000))


def gone_metadata(draw, metadata, tensors):
    del metadata[draw.choice(sorted(metadata))]


def changed_json(draw, metadata, tensors):
    """One value somewhere in the metadata's JSON becomes another."""
    names = [name for name in sorted(metadata) if metadata[name].startswith("{")]
    if names:
        name = draw.choice(names)
        value = json.loads(metadata[name])
        places = list(_places(value))
        if places:
            inner, key = draw.choice(places)
            inner[key] = draw.choice((None, 0, -1, 1.5, 10**12, "", "x", [], {}, True, [1, 2, 3]))
            metadata[name] = json.dumps(value)


def _places(value):
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


PARTS = (
    exchanged_tensors,
    retyped,
    reshaped,
    other_value,
    renamed,
    gone,
    other_metadata,
    gone_metadata,
    changed_json,
)


class Damaged:
    """A file, and every way to damage it."""

    def __init__(self, path, seed):
        self.path, self.whole, self.draw = path, path.read_bytes(), random.Random(seed)
        with safe_open(path, "pt") as file:
            self._metadata = file.metadata()
        self._tensors = load_file(path)

    def anyhow(self):
        """Damage its bytes, or its parts."""
        if self.draw.random() < 0.5:
            self.path.write_bytes(self.draw.choice(BYTES)(self.draw, self.whole))
        else:
            self.part(self.draw.choice(PARTS))

    def part(self, change, seal=None):
        """Change a part; with ``seal(metadata, tensors)``, under a right seal."""
        metadata, tensors = dict(self._metadata), {n: t.clone() for n, t in self._tensors.items()}
        change(self.draw, metadata, tensors)
        if seal:
            metadata.pop("seal", None)
            metadata["seal"] = seal(metadata, tensors)
        save_file(tensors, self.path, metadata)
        return metadata, tensors
