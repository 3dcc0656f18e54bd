"""Images per second, as a table."""

import statistics

HEAD = ("| contender | images/s | range |", "|---|---:|---|")


def rates(seconds: dict[str, list[float]], images: int) -> list[str]:
    """A table of images per second, from the seconds that each contender took for ``images``."""
    lines = list(HEAD)
    for name, taken in seconds.items():
        found = [images / second for second in taken]
        shown = f"{min(found):.1f}–{max(found):.1f}"
        lines.append(f"| {name} | {statistics.median(found):.1f} | {shown} |")
    return lines
