"""``erde evaluate``: accuracy, cost and exits on class folders, beside the manifest's promise."""

import argparse
import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erde.deployment.choice import Thresholds
from erde.deployment.image_list import labelled_files
from erde.deployment.output import text_output
from erde.deployment.predict import Answer, classify, reader
from erde.deployment.promise import (
    Compared,
    compare_accuracy,
    compare_cost,
    promised,
    was_chosen,
)
from erde.deployment.terminal import Bar, add_model_options, load, say, say_left_out
from erde_core.errors import ErdeError


@dataclass(frozen=True)
class Found:
    """What became of each image that could be read, ``(N,)`` each, and how many could not."""

    label: NDArray[np.int64]
    right: NDArray[np.bool_]
    exit: NDArray[np.int64]
    unread: int


def add_options(parser: argparse.ArgumentParser) -> None:
    """What one may ask of the command."""
    add_model_options(parser)
    parser.add_argument("images", type=Path, metavar="FOLDER", help="one folder per class in it")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of words")


def run(options: argparse.Namespace) -> int:
    """Evaluate; 1 if a file could not be read, else 0.

    Raises:
        ValueError, OSError: nothing could be done, in one sentence.
    """
    runner, theta = load(options)
    manifest = runner.manifest
    listed, labels = labelled_files(options.images, manifest["class_names"])
    say_left_out(listed.left_out)
    bar, outcome, unread = Bar(len(labels)), [], 0
    answers = classify(runner, listed.files, reader(runner, options.resize), theta)
    for label, answer in zip(labels, answers, strict=True):
        bar.step()
        if isinstance(answer, Answer):
            right = answer.ranked[0][0] == manifest["class_names"][label]
            outcome.append((label, right, answer.exit))
        else:
            unread += 1
            bar.clear()
            say(f"error: {answer}")
    bar.clear()
    if not outcome:
        raise ErdeError(f"{options.images}: must hold at least 1 readable image, got 0")
    label_N, right_N, exit_N = (np.array(column) for column in zip(*outcome, strict=True))
    _print(manifest, theta, Found(label_N, right_N, exit_N, unread), options.json)
    return int(unread > 0)


def _print(manifest: Mapping[str, Any], theta: Thresholds, found: Found, as_json: bool) -> None:
    promise = promised(manifest, theta)
    macs = np.array(manifest["macs"], np.int64)
    groups, chosen = manifest["val_groups"], was_chosen(manifest, theta)
    accuracy = compare_accuracy(found.right, promise and promise[0], groups, chosen)
    ends = int(macs[0]), int(macs[-1])
    cost = compare_cost(macs[found.exit], ends, promise and promise[1], groups)
    exits = list(_exits(found, manifest["macs"]))
    with text_output(None) as stream:
        if as_json:
            fields = {
                "images": len(found.label),
                "unread": found.unread,
                **_theta(manifest, theta),
                "theta_chosen_on_validation": chosen,
                "accuracy": dataclasses.asdict(accuracy),
                "macs": dataclasses.asdict(cost),
                "teacher_macs": manifest["teacher_macs"],
                "exits": exits,
                "classes_without_images": _missing(manifest, found),
            }
            stream.write(json.dumps(fields, ensure_ascii=False) + "\n")
        else:
            stream.writelines(
                line + "\n" for line in _lines(manifest, theta, found, accuracy, cost)
            )


def _theta(manifest: Mapping[str, Any], theta: Thresholds) -> dict[str, Any]:
    name = manifest["score"]["name"]
    return {"theta_nats": theta} if name == "entropy" else {"score": name, "theta": theta}


def _theta_words(manifest: Mapping[str, Any], theta: Thresholds) -> str:
    name = manifest["score"]["name"]
    numbers = theta if isinstance(theta, list) else [theta]
    shown = ", ".join(f"{number:.6g}" for number in numbers)
    return f"θ = {shown} " + ("nats" if name == "entropy" else f"of the score {name}")


def _exits(found: Found, macs: list[int]) -> Iterator[dict[str, Any]]:
    for e, cost in enumerate(macs):
        right = found.right[found.exit == e]
        accuracy = float(right.mean()) if len(right) else None
        yield {"exit": e, "macs": cost, "images": len(right), "accuracy": accuracy}


def _missing(manifest: Mapping[str, Any], found: Found) -> list[str]:
    present = set(found.label.tolist())
    return [name for c, name in enumerate(manifest["class_names"]) if c not in present]


def _lines(
    manifest: Mapping[str, Any], theta: Thresholds, found: Found, accuracy: Compared, cost: Compared
) -> Iterator[str]:
    images, missing = len(found.label), _missing(manifest, found)
    classes = len(manifest["class_names"])
    yield f"{images} images of {classes} classes, {_theta_words(manifest, theta)}"
    if missing:
        yield f"  no image of {len(missing)} classes: {', '.join(missing[:20])}"
    yield _percent("accuracy", accuracy, manifest["val_groups"])
    if was_chosen(manifest, theta):
        yield "  θ was chosen on these validation images: the promise is too high on average"
    yield f"  {accuracy.verdict}"
    if accuracy.chance and accuracy.promised and accuracy.promised[0]:
        reach = 50 * (accuracy.chance[1] - accuracy.chance[0])
        yield f"  a difference of less than about {reach:.1f} points would not be noticed here"
    known = manifest["teacher_macs"]
    share, of = cost.found / (known or manifest["macs"][-1]), "teacher" if known else "full network"
    low, high = cost.interval
    mean = f"{cost.found:,.0f} MACs per image ({low:,.0f} … {high:,.0f})"
    yield f"cost: {mean}, {share:.4f} of the {of}'s"
    if cost.promised:
        yield f"  promised {_range(cost.promised, ',.0f')}: {cost.verdict}"
    yield "exit        MACs  images   share  accuracy there"
    for row in _exits(found, manifest["macs"]):
        right = "" if row["accuracy"] is None else f"{100 * row['accuracy']:.1f} %"
        share = 100 * row["images"] / images
        yield f"{row['exit']:4} {row['macs']:11,} {row['images']:7} {share:6.1f} %  {right}"


def _percent(name: str, found: Compared, groups: int | None) -> str:
    low, high = (100 * end for end in found.interval)
    line = f"{name}: {100 * found.found:.2f} % (95 % interval {low:.2f} … {high:.2f})"
    if found.promised is None or found.difference is None or found.chance is None:
        return line
    low, high = (100 * end for end in found.promised)
    ends = _range((low, high), ".2f") if low else f"at most {high:.2f}"
    low, high = (100 * end for end in found.chance)
    sample = f"{groups} validation images" if groups else "validation"
    line = f"{line}\n  promised {ends} % by {sample}"
    if ends.startswith("at most") and not found.difference:
        return line
    return f"{line}: difference {100 * found.difference:+.2f} points ({low:+.2f} … {high:+.2f})"


def _range(ends: tuple[float, float], form: str) -> str:
    low, high = (format(end, form) for end in ends)
    return low if low == high else f"{low} … {high}"
