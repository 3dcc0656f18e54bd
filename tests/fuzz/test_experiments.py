"""Mutated experiment files: one sentence or the obvious reading, never a traceback or a hang."""

import random
import re
import signal
from collections import Counter
from pathlib import Path

import yaml

from erde.experiment.errors import ExperimentError
from erde.experiment.schema import read_experiment

SEED, CASES, SECONDS = 20_240_607, 2000, 20
SHIPPED = Path(__file__).parents[2] / "workflow/experiments"
FOLDER = """\
dataset: {name: folder, path: "images", image_size: [32, 48], validation: 20}
teacher: {network: {name: resnet34, width: 0.5}, train: {epochs: 3, weight_decay: 5e-4}, folds: 2}
student: {train: {epochs: 2, precision: bf16, ema_decay: 0.99}}
seeds: [0, 1]
variants:
  ce: {method: ce}
  mine: {method: erde, temperature: [1, 4], exit_weights: [1, 1, 0.5, 1]}
  warm: {method: dkd, train: {kd_warmup: 1, epochs: 3, schedule: cosine}}
"""
ODD = (
    *("010", "0x1F", "1_000", "1:30", "1e3", "1e400", "1e-400", ".5", "-.5", "5.", "+3", "-0"),
    *("08", ".inf", ".NaN", "nan", "1,5", "1.000.000", "٣", "３", "¼", "9" * 40, "9" * 6000),
    *("-1", "0", "no", "Yes", "ON", "off", "y", "true", "True", "TRUE", "null", "~", ""),
    *("2024-01-02", '"1"', "'no'", "!!int 3", "!!python/name:os.system", "!x y", "&a 1", "*a"),
    *("<<", "=", "|", ">", "[]", "{}", "[[]]", "{a: 1}", "[1, 2, 3]", "[" * 60, "{a: " * 30),
    *("\\x00", "\u2028", "\ufeff", "größe", "a b", "../x", "x" * 5000, "pareto.csv", "teacher"),
    *("kd", "\U0001f600", "\ud7ff"),
)


def campaign(folder, cases, seed):
    """Read ``cases`` mutated files; AssertionError with the text of the first that fails.

    Returns:
        How many were ``read``, as a person would, and how many ``refused`` in a sentence.
    """
    rng = random.Random(seed)
    texts = [FOLDER, *(p.read_text(encoding="utf-8") for p in sorted(SHIPPED.glob("*.yaml")))]
    counts = Counter()
    for _ in range(cases):
        text = rng.choice(texts)
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            text = rng.choice(MUTATIONS)(text, rng)
        counts[_outcome(folder / "x.yaml", text)] += 1
    return counts


def _outcome(path, text):
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(SECONDS)
    try:
        experiment = read_experiment(path)
    except ExperimentError as error:
        said = str(error)
        assert said.startswith(str(path)), (said, text)
        assert "\n" not in said, (said, text)
        assert len(said) < 1000, (len(said), text)
        return "refused"
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error}\n{text}") from error
    finally:
        signal.alarm(0)
    if "<<" not in text:
        keys = yaml.load(text.lstrip("\ufeff"), yaml.BaseLoader)
        _compare(keys, experiment.model_dump(), text)
    return "read"


def _hangs(*_):
    raise TimeoutError("hangs")


def _compare(raw, read, text):
    """Every word of the file (read by a loader that knows words alone) against what it became."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            if key == "variants":
                _compare_variants(value, read, text)
            else:
                assert key in read, (key, text)
                _compare(value, read[key], text)
    elif isinstance(raw, list):
        assert len(raw) == len(read), (raw, read, text)
        for one, other in zip(raw, read, strict=True):
            _compare(one, other, text)
    else:
        assert _obvious(raw, read), (raw, read, text)


def _compare_variants(raw, read, text):
    usual, variants = read["student"]["train"], read["variants"]
    for label, keys in raw.items():
        if label in variants:  # not a list of values, which has labels of its own
            found = variants[label]
            flat = {key: found[key] for key in ("method", "teacher", "network")}
            if isinstance(keys.get("train"), dict):
                flat["train"] = usual | found["train"]
            else:
                assert not found["train"], text
                flat["train"] = None
            _compare(keys, flat | found["loss"], text)


def _obvious(raw, value):
    """Whether a person who reads ``raw`` means ``value``."""
    if isinstance(value, bool):
        return raw.lower() == str(value).lower()
    if value is None:
        return raw.lower() in ("", "~", "null")
    if isinstance(value, str):
        return raw == value
    if isinstance(value, int):
        return re.fullmatch(r"[-+]?(0|[1-9][0-9]*)", raw) is not None and int(raw) == value
    number = re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", raw)
    plain = not re.fullmatch(r"[-+]?0[0-9]+", raw)
    return number is not None and plain and float(raw) == value


def _odd_value(text, rng):
    """One value of the file replaced."""
    places = [m.span(1) for m in re.finditer(r": *([^\s,{}\[\]#]+)", text)]
    return _spliced(text, rng.choice(places), rng.choice(ODD)) if places else text


def _odd_key(text, rng):
    places = [m.span(1) for m in re.finditer(r"([A-Za-z_0-9]+):", text)]
    return _spliced(text, rng.choice(places), rng.choice(ODD)) if places else text


def _other_number(text, rng):
    places = [m.span() for m in re.finditer(r"\b[0-9.]+\b", text)]
    number = rng.choice((str(rng.randrange(-3, 200)), f"{rng.random():.3g}", rng.choice(ODD)))
    return _spliced(text, rng.choice(places), number) if places else text


def _repeated_line(text, rng):
    lines = text.splitlines()
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines or [""]))
    return "\n".join(lines)


def _lost_line(text, rng):
    lines = text.splitlines()
    del lines[rng.randrange(max(1, len(lines))) :][:1]
    return "\n".join(lines)


def _shifted_line(text, rng):
    lines = text.splitlines() or [""]
    n = rng.randrange(len(lines))
    lines[n] = rng.choice((" ", "  ", "\t", "\xa0", "- ")) + lines[n]
    return "\n".join(lines)


def _odd_letters(text, rng):
    n = rng.randrange(len(text) + 1)
    return text[:n] + rng.choice((*"[]{}:,&*!|>%@`'\"#?-\x07", rng.choice(ODD))) + text[n:]


def _lost_letters(text, rng):
    n = rng.randrange(len(text) + 1)
    return text[:n] + text[n + rng.randrange(1, 20) :]


def _aliased(text, rng):
    """A bomb, or a merge of one part into another."""
    bomb = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    merged = text.replace("train: {", "train: &t {", 1).replace("train: {", "train: {<<: *t, ", 1)
    return rng.choice((f"a0: &a0 [1]\n{bomb}{text}", merged, text + "x: &x {y: *x}\n"))


def _listed(text, rng):
    """Lists of values where one is written."""
    values = ", ".join(str(n) for n in range(rng.choice((1, 2, 30, 300))))
    keys = ", ".join(f"{key}: [{values}]" for key in ("temperature", "kd_weight", "ce_weight"))
    return text + f"\n  many: {{method: erde, {keys}}}\n"


def _spliced(text, span, new):
    return text[: span[0]] + new + text[span[1] :]


MUTATIONS = (
    *(_odd_value, _odd_value, _odd_value, _odd_key, _other_number, _other_number, _repeated_line),
    *(_lost_line, _shifted_line, _odd_letters, _lost_letters, _aliased, _listed),
)


def test_mutated_experiment_files_end_in_a_sentence_or_the_obvious_reading(tmp_path):
    counts = campaign(tmp_path, CASES, SEED)
    assert min(counts["read"], counts["refused"]) > CASES / 10  # else it tries nothing
