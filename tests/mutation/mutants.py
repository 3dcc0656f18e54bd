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
        ("np.full(samples, exits - 1, np.min", "np.full(samples, 0, np.min"),
        ("np.copyto(left_from, left_from.dtype.type(e), where=passes[e])", "pass"),
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
