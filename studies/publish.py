"""Put what a study brought home into docs/results; make the tables of its pages, and pictures.

    python -m studies.publish home docs/results

Only what the tables are made of, and the pictures: the rest stays at home.
"""

import re
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from erde.pictures.drawing import save_figure
from erde_core.errors import ErdeError
from erde_core.store.files import write_text
from studies import tables, ways_tables
from studies.figures.family import family_figure, has_family
from studies.figures.gains import gains_figure, has_gains
from studies.figures.ways_figure import ways_figure
from studies.packing import pack_answers
from studies.tables import rows_of
from studies.targets import targets_table

KEPT = (
    *("areas", "audit", "bands", "comparison", "exits", "overall", "pareto", "rivals"),
    *("teacher_exits", "teacher_wrong", "validation"),
    *("contest", "policies_overall", "rules", "shipped", "trials", "ways"),
)
# Whose answers took days: they are published too, of these seeds; without any, of all.
PACKED: dict[str, tuple[int, ...]] = {
    "middle_cifar100": (),
    "middle_cifar100_seeds": (5, 6),
    "middle_cifar100_best": (),
    "middle_cifar100_envelope": (),
    "averaged_cifar100": (),
    "given_cifar100": (),
    "given_cifar100_envelope": (),
}
# Of what settings are chosen by, validation alone counts; nobody should look at its test images.
# Curves of a network whose early exits were never trained say nothing.
_TRIALS = ("tuning", "more", "singles", "late", "trials")
ONLY = dict.fromkeys(_TRIALS, ("validation.csv",)) | {"exits": ("exits.csv", "teacher_exits.csv")}
STUDIES: dict[str, tuple[str, ...]] = {
    "full study, measured": ("study_cifar100", "study_cifar10"),
    "middle study, CIFAR-100 at a quarter of the width": ("middle_cifar100",),
    "reduced study, 20 classes of CIFAR-100 / digits": ("reduced_cifar100", "reduced_digits"),
}
TABLES: dict[str, Callable[[Path, list[str]], str]] = {
    "targets": lambda folder, _: targets_table(folder, STUDIES),
    "settings": tables.settings_table,
    "differences": tables.differences_table,
    "shares": tables.shares_table,
    "exits": tables.exits_table,
    "wrong": tables.wrong_table,
    "audit": tables.audit_table,
    "rivals": tables.rivals_table,
    "ways": ways_tables.ways_table,
    "contest": ways_tables.contest_table,
    "chains": partial(ways_tables.contest_table, table="chains"),
    "attempts": ways_tables.attempts_table,
    "rules": ways_tables.rules_table,
    "policies": ways_tables.policies_table,
}
_PLACE = re.compile(r"(<!-- table (\w+)(?: of ([\w\s]+?))? -->\n).*?(<!-- end -->)", re.DOTALL)


def keep(home: Path, published: Path) -> None:
    """Copy the tables and pictures worth keeping, and what made them."""
    for folder in sorted(path for path in home.iterdir() if path.is_dir()):
        target = published / folder.name
        target.mkdir(parents=True, exist_ok=True)
        everything = (*(f"{table}.csv" for table in KEPT), f"{folder.name}_pareto.png")
        for name in ONLY.get(folder.name.rpartition("_")[2], everything):
            if (folder / name).exists():
                shutil.copyfile(folder / name, target / name)
        if folder.name in PACKED and (folder / "answers.npz").exists():
            seeds = PACKED[folder.name]
            pack_answers(folder / "answers.npz", target / "answers.npz.xz", seeds)
    for file in home.glob("machine_*.json"):
        shutil.copyfile(file, published / file.name)


def filled(text: str, published: Path) -> str:
    """``text`` with every table between its marks made anew.

    A place is ``<!-- table NAME of EXPERIMENT … -->`` to ``<!-- end -->``.

    Raises:
        ValueError: a table of that name is not known.
    """

    def fill(place: re.Match[str]) -> str:
        begin, name, experiments, end = place.groups()
        if name not in TABLES:
            raise ErdeError(f"a table must be one of {', '.join(TABLES)}, got {name!r}")
        return f"{begin}{TABLES[name](published, (experiments or '').split())}\n{end}"

    return _PLACE.sub(fill, text)


def experiments_of(text: str, table: str) -> list[str]:
    """The experiments of every place of ``table`` in ``text``, in their order."""
    places = (place for place in _PLACE.finditer(text) if place[2] == table)
    return [name for place in places for name in (place[3] or "").split()]


def main(home: Path, published: Path) -> None:
    """Keep, fill, draw."""
    keep(home, published)
    pages = {page: page.read_text(encoding="utf-8") for page in sorted(published.glob("*.md"))}
    for page, old in pages.items():
        write_text(page, filled(old, published))
    text = "".join(pages.values())
    shown = [e for e in experiments_of(text, "differences") if has_gains(published, e)]
    save_figure(gains_figure(published, shown), published / "gains.png")
    for main in (main for mains in STUDIES.values() for main in mains):
        if rows_of(published, main, "bands") and has_family(published, main):
            save_figure(family_figure(published, main), published / f"{main}_family.png")
    for name in experiments_of(text, "ways"):
        if rows_of(published, name, "ways"):
            save_figure(ways_figure(published, name), published / f"{name}_ways.png")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
