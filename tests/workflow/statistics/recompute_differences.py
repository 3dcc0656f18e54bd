"""comparison.csv and overall.csv, computed again from the exit logits."""

import numpy as np
import pytest

from tests.workflow.statistics.recompute import check_interval, resamples, table


def check_differences(folder, students, variants, seeds):
    """comparison.csv: θ of each network by validation at equal MACs, else as given."""
    rows = table(folder / "comparison.csv")
    macs = next(iter(students.values())).macs
    budgets = macs[0] + (macs[-1] - macs[0]) * np.arange(1, 21) / 20
    assert len(rows) == 40 * (len(variants) - 1)
    chosen = {key: student.chosen(budgets) for key, student in students.items()}
    group = next(iter(students.values())).group
    weights, groups = resamples(group), len(np.unique(group))
    together = {}
    for row in rows:
        a, b, at = row["variant"], row["against"], float(row["at"])
        k = np.abs(budgets - at).argmin()
        by_budget = row["equal"] == "macs"
        assert row["theta_from"] == ("validation" if by_budget else "given")
        pair = [
            [students[v, s].at("test", chosen[v, s][k] if by_budget else at) for s in seeds]
            for v in (a, b)
        ]
        difference = np.array([x[0] * 1.0 - y[0] for x, y in zip(*pair, strict=True)])
        per_seed, again = difference.mean(1), weights @ difference.mean(0)
        costs = [np.mean([x[1] for x in side]) for side in pair]
        assert float(row["variant_macs"]) == pytest.approx(costs[0])
        assert float(row["against_macs"]) == pytest.approx(costs[1])
        check_interval(row, "difference", per_seed, again, groups)
        together.setdefault((a, b, row["equal"]), []).append((per_seed, again))
    check_overall(folder, together, groups)


def check_overall(folder, together, groups):
    """overall.csv: each pair's 20 differences as one."""
    rows = table(folder / "overall.csv")
    assert len(rows) == len(together)
    for row in rows:
        differences = together[row["variant"], row["against"], row["equal"]]
        assert len(differences) == 20
        means = (sum(part) / 20 for part in zip(*differences, strict=True))
        check_interval(row, "difference", *means, groups)
