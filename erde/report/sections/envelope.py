"""Which way to be cheap: a plain network, early exit, a cascade, or a mixture."""

import re

from erde.evaluation.envelope import WAYS
from erde.evaluation.pairs import ARROW
from erde.evaluation.tables.rows import Rows, distinct, where
from erde.experiment.names import name_of
from erde.experiment.trainings import MEMBERS, PLAIN
from erde.report import words
from erde.report.html import Cell, render, table
from erde.report.section import Section
from erde.report.source import Source
from erde_core.store.tables import Row

_MEMBER = re.compile(rf"{MEMBERS}/(.+)-[0-9a-f]{{8}}")
TITLE = "Which way to be cheap?"
_NEARLY_ALL = 0.95  # of a budget: a network that spends more is not worth a word about it
_NONE = "<p>No network was held against another for this report.</p>"
_BODY = """
<p>Four ways to be cheap: a plain network without exits; one that leaves early; a cascade, where a
dearer plain network takes the images that a cheaper one was unsure of; and a mixture, a plain
network before one that leaves early. Cascades and mixtures are put together from trained networks,
and cost no training. Validation chooses θ of each network, and of each way the network with the
best mean over its seeds. ★ is the best of the four on validation.</p>
<ul>
{% for sentence in verdicts %}<li>{{ sentence }}</li>
{% endfor %}
</ul>
{{ table }}
<p class="quiet">In brackets: test accuracy of the worst and of the best seed, and the number of
networks that were tried. A way with more trials has more chances on validation. A plain network
costs the same for every image: where it leaves some of a budget unspent, another way may owe its
lead to that, and a plain network in between might do as well.</p>
"""


def envelope_section(source: Source) -> Section:
    """The section; its rows are those of ``envelope.csv``."""
    rows = source.rows["envelope"]
    if not rows:
        return Section(TITLE, render(_NONE))
    verdicts = [verdict(where(rows, teacher_share=s)) for s in distinct(rows, "teacher_share")]
    return Section(TITLE, render(_BODY, verdicts=verdicts, table=_table(rows)))


def verdict(rows: Rows) -> str:
    """What to take at one budget, in a sentence; ``rows`` are its ways."""
    of = "teacher's" if rows[0]["budget_of"] == "teacher" else "student's full"
    share, paid = (
        f"{rows[0]['teacher_share']} of the {of} cost",
        [row for row in rows if row["network"] is not None],
    )
    if not paid:
        return f"At {share} nothing is cheap enough."
    best = next(row for row in paid if row["chosen"])
    others = [_beside(row) for row in paid if row is not best]
    against = f" ({', '.join(others)})" if others else ""
    return (
        f"At {share}: {best['way']}, {shown(best)}, "
        f"{words.percent(best['test_accuracy'])}{against}."
    )


def _beside(row: Row) -> str:
    """What another way gives, and of how much of the budget where a plain network leaves some."""
    told = f"{row['way']} {words.percent(row['test_accuracy'])}"
    spent = row["test_mean_macs"] / row["budget_macs"]
    if row["way"] != PLAIN or spent > _NEARLY_ALL:
        return told
    return f"{told} for {100 * spent:.0f}\N{NO-BREAK SPACE}% of that cost"


def shown(row: Row) -> str:
    """The network's name as readers know it: members without what makes a folder unique."""
    names = str(row["network"]).split(ARROW)
    return ARROW.join(name_of(_MEMBER.sub(r"\1", name)) for name in names)


def _table(rows: Rows) -> object:
    cells = []
    for share in distinct(rows, "teacher_share"):
        mine = {row["way"]: row for row in where(rows, teacher_share=share)}
        cells.append([share, *(_cell(mine[way]) for way in WAYS)])
    return table(["budget", *WAYS], cells)


def _cell(row: Row) -> Cell:
    if row["network"] is None:
        return None
    ends = " … ".join(str(words.percent(row[f"seed_{end}"])) for end in ("lowest", "highest"))
    mark = "★ " if row["chosen"] else ""
    return (
        f"{mark}{words.percent(row['test_accuracy'])} at {words.megamacs(row['test_mean_macs'])} "
        f"M MACs: {shown(row)} ({ends}; {row['trials']} tried)"
    )
