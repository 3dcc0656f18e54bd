"""Damaged deployments: refused in a sentence, or nothing that is used differs."""

import json
import random
import shutil
from collections import Counter

import numpy as np

from erde.deployment.choice import choose_threshold
from erde.deployment.program import PROGRAM_FILES
from erde.deployment.runner import Runner
from erde_core.store.manifest import ManifestError, read_deployment, sealed
from erde_torch.export.folder import write_deployment
from erde_torch.export.manifest import deployment_manifest
from tests.erde_torch.deployable import card_of, evaluated, exit_logits, random_network
from tests.fuzz.changes.damage import BYTES, no_hang
from tests.fuzz.changes.fields import changed

CASES, SEED = 900, 9
ASKED = ({}, {"theta": 0.3}, {"budget": "0.15x"}, {"max_drop": 0.01})


def written(folder):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 3))
    case = evaluated(random_network(), pixels)
    manifest = deployment_manifest(card_of(case), exit_logits(case), 10**6, "tests", "x")
    write_deployment(folder, case.network, manifest, PROGRAM_FILES)
    return folder


def campaign(folder, cases, seed):
    """In turn: a bit of the manifest, any damage to any file, and a field that is sealed anew.

    A million cases and more flip every bit of the manifest.
    """
    whole = written(folder / "whole")
    copy = shutil.copytree(whole, folder / "copy")
    wanted, draw, counts = read_deployment(whole), random.Random(seed), Counter()
    names = sorted(path.name for path in whole.iterdir())
    bits = list(range(8 * (whole / "manifest.json").stat().st_size))
    draw.shuffle(bits)
    for case in range(cases):
        where = f"seed {seed}, case {case}"
        with no_hang():
            if case % 3 == 0:
                bit = bits[case // 3 % len(bits)]
                result = flipped(whole, copy, bit, wanted)
                assert result == "refused", f"{where}: bit {bit} of the manifest: {result}"
            elif case % 3 == 1:
                name = draw.choice((*names, *["manifest.json"] * 5))
                data = (whole / name).read_bytes()
                damaged = draw.choice(BYTES)(draw, data)
                result = outcome(whole, copy, name, damaged, wanted)
                same = damaged == data or name == "manifest.json"
                assert result in ("refused", "equal" if same else ""), f"{where}: {name}: {result}"
            else:
                result = resealed(draw, whole, copy, where)
        counts[result] += 1
    return counts


def flipped(whole, copy, bit, wanted):
    data = bytearray((whole / "manifest.json").read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    return outcome(whole, copy, "manifest.json", data, wanted)


def outcome(whole, copy, name, damaged, wanted):
    (copy / name).write_bytes(damaged)
    try:
        return "equal" if read_deployment(copy) == wanted else "read as another"
    except (ManifestError, OSError) as error:
        in_a_sentence(error, copy)
        return "refused" if str(copy) in str(error) else "refused without a name"
    finally:
        shutil.copyfile(whole / name, copy / name)


def in_a_sentence(error, where):
    assert "\n" not in str(error), f"{where}: {error}"


def resealed(draw, whole, copy, where):
    """A faulty exporter's manifest: refused, or usable to the end."""
    fields = changed(draw, json.loads((whole / "manifest.json").read_text(encoding="utf-8")))
    try:
        text = json.dumps(sealed(fields if isinstance(fields, dict) else {}))
    except ManifestError as error:
        in_a_sentence(error, where)
        return "refused when sealed"
    (copy / "manifest.json").write_text(text, encoding="utf-8")
    try:
        used(copy)
        return "used"
    except (ValueError, OSError) as error:
        in_a_sentence(error, where)
        return "refused in use"
    finally:
        shutil.copyfile(whole / "manifest.json", copy / "manifest.json")


def used(folder):
    runner = Runner(folder)
    manifest, pixels = runner.manifest, np.zeros((2, 16, 16, 3), np.uint8)
    for asked in ASKED:
        try:
            theta = choose_threshold(manifest, **asked)
        except ValueError as error:
            in_a_sentence(error, asked)
            continue
        for count in (1, 2):
            label, probability, exits = runner.predict(pixels[:count], theta)
            assert (exits < len(manifest["macs"])).all()
            assert (label < len(manifest["class_names"])).all()
            assert ((probability > 0) & (probability < 1.001)).all()


def test_no_damage_goes_unnoticed(tmp_path):
    counts = campaign(tmp_path, CASES, SEED)
    assert counts["refused"] > CASES / 2
    assert counts["refused when sealed"] > CASES / 10
    assert counts["read as another"] == 0
