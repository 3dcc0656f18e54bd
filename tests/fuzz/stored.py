"""The campaign that all three kinds of HDF5 file share."""

import random
from collections import Counter

from erde_core.store.files import StoreError
from tests.fuzz.changes.damage import BYTES, outcome
from tests.fuzz.changes.hdf5 import change_a_part


def damage_campaign(folder, write, contents, read, cases, seed):
    """Damage a file in ``cases`` ways.

    Args:
        write: ``write(path, content)``.
        contents: two different ones: of the file, and of another of its kind that lends parts.
        read: ``read(path)``, which must refuse or give what was written.

    Returns:
        How often it refused, and how often the damage meant nothing.
    """
    draw, path, counts = random.Random(seed), folder / "file.h5", Counter()
    write(path, contents[0])
    write(folder / "donor.h5", contents[1])
    whole = path.read_bytes()
    result, wanted = outcome(read, path, StoreError)
    assert result == "read"
    for case in range(cases):
        path.write_bytes(whole)
        if case % 2:
            path.write_bytes(draw.choice(BYTES)(draw, whole))
        else:
            change_a_part(draw, path, folder / "donor.h5")
        result, found = outcome(read, path, StoreError)
        assert found in (None, wanted), f"seed {seed}, case {case}: read, and not what was written"
        counts["refused" if result == "refused" else "harmless"] += 1
    return counts


def lies_are_refused(folder, write, lies, read):
    """Contents that break a rule, under a right seal: each must be refused.

    Args:
        write: ``write(path, content)`` that seals whatever it is given.
        lies: content by name.
    """
    for name, lie in lies.items():
        path = folder / "lie.h5"
        write(path, lie)
        result, _ = outcome(read, path, StoreError)
        assert result == "refused", name
    return len(lies)
