"""The mutations: small mistakes, each of which some quick test must notice.

Every entry is (old text, new text); the old text occurs exactly once in its file.
"""

CORE = "tests/erde_core/"
TWINS = "tests/test_twins.py"

# file → the tests that must notice, as arguments of pytest
TESTS = {
    "erde_core/softmax.py": (f"{CORE}test_softmax.py",),
    "erde_core/loss.py": (f"{CORE}test_loss.py",),
    "erde_core/policy.py": (f"{CORE}test_policy.py",),
    "erde_core/sweep.py": (f"{CORE}test_sweep.py",),
    "erde_core/exit_changes.py": (f"{CORE}test_sweep.py",),
    "erde_core/certify.py": (f"{CORE}test_certify.py", f"{CORE}statistics/test_exact_tail.py"),
    "erde_core/statistics/exact_tail.py": (f"{CORE}statistics/test_exact_tail.py",),
    "erde_core/statistics/halves.py": (f"{CORE}statistics/test_halves.py",),
    "erde_core/intervals.py": (f"{CORE}test_intervals.py",),
    "erde_core/bootstrap.py": (f"{CORE}test_bootstrap.py",),
    "erde_core/choosing/images.py": (f"{CORE}choosing",),
    "erde_core/choosing/ascent.py": (f"{CORE}choosing/test_ascent.py",),
    "erde_core/choosing/geometric.py": (f"{CORE}choosing",),
    "erde_core/choosing/greedy.py": (f"{CORE}choosing",),
    "erde_core/scores/max_prob.py": (f"{CORE}scores/test_values.py",),
    "erde_core/scores/margin.py": (f"{CORE}scores/test_values.py",),
    "erde_core/scores/temperature.py": (f"{CORE}scores/test_temperature.py",),
    "erde_core/scores/gate.py": (f"{CORE}scores/test_gate.py", f"{CORE}scores/test_values.py"),
    "erde_core/scores/split.py": (f"{CORE}scores/test_split.py",),
    "erde_core/checks.py": (f"{CORE}test_bad_input.py", f"{CORE}test_settings.py"),
    "erde_core/views.py": (f"{CORE}test_views.py",),
    "erde_torch/loss.py": (
        TWINS,  # first: it kills most, and the first failure ends a run
        "tests/erde_torch/test_loss.py",
        "-k=test_loss or (agree_with_the_reference and erde_torch and float32)",
    ),
    "erde_core/fast/loss.py": (TWINS, "-k=agree_with_the_reference and fast and float64"),
    "erde_core/fast/_rows.py": (TWINS, "-k=agree_with_the_reference and fast and float64"),
    "erde_core/fast/_sums.py": (TWINS, "-k=agree_with_the_reference and fast and float64"),
    "erde_core/fast/policy.py": (TWINS, "-k=twin and exit_indices"),
    "erde_core/fast/sweep.py": (TWINS, "-k=twin and sweep"),
}

MUTANTS = {
    "erde_core/softmax.py": [
        ("scores.max(axis=-1, keepdims=True)", "scores.max(axis=0, keepdims=True)"),
        ("shifted - np.log(total)", "shifted + np.log(total)"),
        ("np.where(probabilities == 0, 0.0, ", "np.where(probabilities < 0, 0.0, "),
        ("np.abs(expected_log(p, log_p))", "-expected_log(p, log_p)"),
    ],
    "erde_core/loss.py": [
        ("return -np.take_along_axis", "return np.take_along_axis"),
        ("return temperature**2 * expected_log", "return expected_log"),
        ("expected_log(target.p, target", "expected_log(student.p, target"),
        ("target.log_p - student.log_p", "student.log_p - target.log_p"),
        ("gradient += kd * parts.temperature * (", "gradient += kd * ("),
        ("parts.soft_student.p - parts.target.p", "parts.target.p - parts.soft_student.p"),
        ("parts.labels] -= ce[..., 0]", "parts.labels] -= 1.0"),
        ("p * (log_p - expected_log(p, log_p)[..., None])", "p * log_p"),
        ("slope[p == 0] = 0.0", "pass"),
        ("ent = settings.entropy_weight * ~right", "ent = settings.entropy_weight * right"),
        ("right = np.broadcast_to(right[:, -1:]", "right = np.broadcast_to(right[:, :1]"),
        ("ent[:, -1] = 0", "ent[:, 0] = 0"),
        ("ent = ent / math.log(classes)", "ent = ent * math.log(classes)"),
        ('(right if settings.ce_mask == "right"', '(~right if settings.ce_mask == "right"'),
        ('(right if settings.kd_mask == "right"', '(right if settings.kd_mask == "all"'),
        ("where=weight != 0)", "where=weight >= 0)"),
        ("usable &= _defined(teacher)\n", "pass\n"),
        ("usable &= _defined(teacher[:, -1:])", "usable &= _defined(teacher[:, :1])"),
        ("return np.isfinite(logits.max(axis=-1))", "return ~np.isnan(logits.max(axis=-1))"),
        (
            "return softmax_of_shifted(shift_to_zero(logits) / temperature)",
            "return softmax_of_shifted(shift_to_zero(logits) * temperature)",
        ),
        ("gradient[~parts.usable] = np.nan", "pass"),
        ("loss[~parts.usable] = np.nan", "pass"),
        ("return _defined(teacher) & (teacher.argmax", "return (teacher.argmax"),
    ],
    "erde_core/policy.py": [
        ("score[:, :-1] < thresholds", "score[:, :-1] <= thresholds"),
        ("leaves.argmax(axis=1)", "leaves.argmin(axis=1)"),
        ("leaves[:, :-1] = score[:, :-1]", "leaves[:, :-1] = score[:, 1:]"),
    ],
    "erde_core/sweep.py": [
        (
            "moment[1:] != moment[:-1], len(moment) > 0",
            "moment[1:] == moment[:-1], len(moment) > 0",
        ),
        ("int(correct[:, -1].sum())", "int(correct[:, 0].sum())"),
        ("where=middle <= lower)", "where=middle < lower)"),
        ("return 2 * math.log(classes)", "return math.log(classes)"),
        ("points.mean_macs <= macs", "points.mean_macs < macs"),
        ('side="right"', 'side="left"'),
        ("points.accuracy[order] > best_before", "points.accuracy[order] >= best_before"),
        (
            "np.lexsort((-points.threshold, -points.accuracy",
            "np.lexsort((points.threshold, -points.accuracy",
        ),
        ("(-found.threshold, found.mean_macs", "(-found.threshold, -found.mean_macs"),
        ("widths @ accuracy / (dearest - cost[0])", "widths @ accuracy / dearest"),
        ("np.append(cost, dearest)", "np.append(cost, cost[-1])"),
    ],
    "erde_core/exit_changes.py": [
        ("np.subtract(answers[e], answer,", "np.add(answers[e], answer,"),
        ("np.less(columns[e], lowest,", "np.less(columns[0], lowest,"),
        ("np.fmin(lowest, columns[e],", "np.minimum(lowest, columns[e],"),
        ("np.fmin(lowest, columns[e], out=lowest)", "lowest[:] = columns[e]"),
        ("np.copyto(answer, answers[e], where=passes[e])", "answer[:] = answers[e]"),
        (
            "np.searchsorted(code, code[_SEGMENT::_SEGMENT])",
            "np.arange(_SEGMENT, len(code), _SEGMENT)",
        ),
        ("order[np.argsort(moment[order], kind", "order[np.argsort(order, kind"),
        ("np.full(samples, exits - 1, small", "np.full(samples, 0, small"),
        ("np.copyto(left_from, small.type(e), where=passes[e])", "pass"),
    ],
    "erde_core/certify.py": [
        ("harmless = correct | ~correct[:, -1:]", "harmless = correct"),
        ("fails = harmed > critical", "fails = harmed >= critical"),
        (
            "    if critical < 0:\n        raise ValueError(f",
            "    if False:\n        raise ValueError(f",
        ),
        ("weights[order[first]] = 1", "weights[order] = 1"),
    ],
    "erde_core/statistics/exact_tail.py": [
        ("if (np.abs(tail - 1) <= error).any():", "if False:"),
        ("while total <= limit:", "while total < limit:"),
        ("return max(1, math.ceil(ratio))", "return max(1, math.floor(ratio))"),
        ("harmless**nearest == Fraction(delta)", "harmless**nearest > Fraction(delta)"),
        (" - math.floor(math.log10(epsilon))", ""),
    ],
    "erde_core/statistics/halves.py": [
        ("fits[dealt[::2]] = True", "fits[dealt[: len(dealt) // 2]] = True"),
        ("return Halves(fits[member])", "return Halves(np.arange(len(member)) % 2 == 0)"),
        ("len(first) < LEAST_GROUPS", "len(member) < LEAST_GROUPS"),
    ],
    "erde_core/intervals.py": [
        ("_ADDED = 2.0", "_ADDED = 0.0"),
        ("LEAST_GROUPS, MANY_GROUPS = 20, 200", "LEAST_GROUPS, MANY_GROUPS = 20, 20"),
        ("groups < LEAST_GROUPS", "groups < LEAST_GROUPS - 1"),
        ("trained**2 / seeds + drawn**2", "trained**2 / seeds"),
    ],
    "erde_core/bootstrap.py": [
        ("_DRAWS_AT_ONCE = 2**18", "_DRAWS_AT_ONCE = 2**40"),
        ("counts.astype(np.int32).reshape(len(rows), groups), member,", "drawn, member % groups,"),
        ("    check_sums(steps, weights)\n", ""),
        ('side="right"', 'side="left"'),
    ],
    "erde_core/choosing/images.py": [
        ("middle if middle > lower else upper", "lower"),
        ("count == len(scores) or not np.isfinite(scores[count])", "count == len(scores)"),
        ("cost.mean() > budget", "cost.mean() >= budget"),
    ],
    "erde_core/choosing/ascent.py": [
        ("total_right - price * total_cost", "total_right + price * total_cost"),
        ("total_cost <= budget * len(right)", "total_cost <= 2 * budget * len(right)"),
        ("np.all(images.early[:, :e] >= thresholds[:e]", "np.all(images.early[:, :e] >= 0"),
    ],
    "erde_core/choosing/geometric.py": [
        ("np.arange(exits) * np.log(q)", "np.arange(exits) / np.log(q)"),
        ("staying &= ~(images.early[:, e] < thresholds[e])", "pass"),
        ("(middle, high) if cheap", "(middle, high) if not cheap"),
    ],
    "erde_core/choosing/greedy.py": [
        ("return ratio, self.saving, -self.exit", "return self.gain, self.saving, -self.exit"),
        ("not moved.isdisjoint(other.samples)", "e == move.exit"),
        ("            if before > e:\n", "            if before >= e:\n"),
        ("scores[position] != scores[position - 1]", "True"),
    ],
    "erde_core/scores/max_prob.py": [
        ("others.sum(axis=-1)", "1 - p.max(axis=-1)"),
        ("np.where(undefined, np.nan, ", "np.where(undefined, 0.0, "),
    ],
    "erde_core/scores/margin.py": [
        ("others.sum(axis=-1) + others[..., -1]", "others.sum(axis=-1)"),
        ("return 1 + 1e-9", "return 1.0"),
    ],
    "erde_core/scores/temperature.py": [
        ("known = np.isfinite(of_label)", "known = ~np.isnan(of_label)"),
        ("COLDEST, HOTTEST = 0.25, 4.0", "COLDEST, HOTTEST = 0.5, 4.0"),
        ("(mean - of_label).mean()", "(mean - of_label).sum() + 1"),
    ],
    "erde_core/scores/gate.py": [
        (
            "ridge = np.append(np.ones(design.shape[1] - 1), 0.0)",
            "ridge = np.ones(design.shape[1])",
        ),
        ("no_worse = correct[:, :-1] | ~correct[:, -1:]", "no_worse = correct[:, :-1]"),
        ("np.where(scale > 0, scale, 1.0)", "scale"),
        ("1 / (1 + np.exp(self.intercept", "1 / (1 + np.exp(-self.intercept"),
        ("features(logits)\n    if correct", "features(logits[:, ::-1])\n    if correct"),
    ],
    "erde_core/scores/split.py": [
        (
            "fit_score(label, fit.logits, fit.labels), part(val",
            "fit_score(label, val.logits, val.labels), part(val",
        ),
        ("return ScoredSplit(best, part(val, halves.rest))", "return ScoredSplit(best, val)"),
        ("best = max(scores", "best = min(scores"),
        ("needs_fitting(label) or halve", "needs_fitting(label)"),
    ],
    "erde_core/checks.py": [
        ("(array < 0) | (array >= classes)", "(array < 0) | (array > classes)"),
        ("_is_finite(value) and value > 0", "_is_finite(value) and value >= 0"),
        ("_is_finite(value) and value >= 0", "value >= 0"),
        ("array.astype(np.int64)) < 0", "array.astype(np.int64)) < -1"),
        ("array.shape != (exits - 1,)", "array.shape != (exits,)"),
    ],
    "erde_core/views.py": [
        (">> 32) * views >> 32", ">> 32) * (views - 1) >> 32"),
        ("counter=(0, 0, epoch, 0)", "counter=(epoch, 0, 0, 0)"),
        ("views[np.append(0, 1 + ", "views[np.append(1, 1 + "),
    ],
    "erde_torch/loss.py": [
        ("_weighted(ce, -log_p.gather", "_weighted(ce, log_p.gather"),
        ("return temperature**2 * ", "return temperature * "),
        ("log_q - log_p, 0.0", "log_p - log_q, 0.0"),
        ("torch.where(q > 0, log_q - log_p, 0.0)", "(log_q - log_p)"),
        ("(p * torch.where(p > 0, log_p, 0.0)).sum(2)", "(p * log_p).sum(2)"),
        ("wrong = ~right", "wrong = right.clone()"),
        ("wrong[:, -1].zero_()", "wrong[:, 0].zero_()"),
        ("right = right[:, -1:]", "right = right[:, :1]"),
        ("settings.entropy_weight / nats", "settings.entropy_weight * nats"),
        (
            "erde_loss(student, teacher, labels, settings).mean(0)",
            "erde_loss(student, teacher, labels, settings).sum(0)",
        ),
        ("defined = defined & known\n", "pass\n"),
        ("torch.where(weight != 0, weight * term, 0.0)", "weight * term"),
        ("loss.unbind()", "loss.flip(0).unbind()"),
        ("if logits.dtype == torch.float64 else logits.float()", ""),
        (
            "    return sum(weight * of_exit",
            "    return loss @ loss.new_tensor(weights)\n    return sum(weight * of_exit",
        ),
    ],
    "erde_core/fast/loss.py": [
        ("weights[0, :, 1] = 0", "weights[1, :, 1] = 0"),
        ("weights[:, -1:, 2] = 0", "weights[:, :1, 2] = 0"),
        ("decider = _sums.largest(last)", "decider = _sums.largest(teacher[n, 0])"),
    ],
    "erde_core/fast/_rows.py": [
        ("loss = ent * negative_entropy\n", "loss = -ent * negative_entropy\n"),
        ("kd * temperature * temperature * divergence", "kd * temperature * divergence"),
        ("of_p_log * scratch[P_LOG, label] - ce", "of_p_log * scratch[P_LOG, label] + ce"),
        ("slope_with_kd(scratch, label, factors) - ce", "slope_with_kd(scratch, label, factors)"),
        ("of_p = ce / total", "of_p = total"),
    ],
    "erde_core/fast/_sums.py": [
        ("for c in range(label):", "for c in range(label + 1):"),
    ],
    "erde_core/fast/policy.py": [
        ("not score[n, e] < thresholds[e]", "score[n, e] < thresholds[e]"),
    ],
    "erde_core/fast/sweep.py": [
        (
            "while i < len(moment) and moment[i] == moment[here]",
            "while i == here and i < len(moment)",
        ),
        ("else np.uint32(exits - 1)", "else np.uint32(0)"),
    ],
}
