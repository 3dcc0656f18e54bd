"""Whether this processor multiplies 8-bit numbers as fast as an int8 network wants.

The deployment of an int8 network carries this file along, so it needs the standard library alone.
"""

import re
import warnings
from pathlib import Path

# Names of the instructions in /proc/cpuinfo: x86's VNNI in its two forms, Arm's dot product.
_FAST = {"avx512_vnni", "avx_vnni", "asimddp"}


def slow_int8(reduce_range: bool, cpuinfo: Path = Path("/proc/cpuinfo")) -> str | None:
    """A sentence where 8-bit products are emulated; None where they are not, or nobody tells.

    Args:
        reduce_range: whether the network's weights have 7 bits. Without VNNI, x86 adds pairs of
            products in 16 bits, where those of 8 bits may overflow; Arm does not.
        cpuinfo: where Linux lists the processor's instructions.
    """
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:  # no Linux
        return None
    listed = re.search(r"^(flags|Features)\s*:(.*)$", text, re.M)
    if listed is None or _FAST & set(listed[2].split()):
        return None
    overflows = not reduce_range and listed[1] == "flags"
    return (
        "this processor has no instruction for 8-bit dot products (VNNI, or Arm's asimddp): int8 "
        "is emulated, and the float32 deployment may be faster; the answers "
        + (
            "may differ from those with VNNI, because the network has reduce_range: false, and "
            "its curve and certificate do not hold here"
            if overflows
            else "are the same"
        )
    )


def warn_if_slow(reduce_range: bool) -> None:
    """Warn, once per place in a program, where 8-bit products are emulated."""
    sentence = slow_int8(reduce_range)
    if sentence:
        warnings.warn(sentence, stacklevel=3)
