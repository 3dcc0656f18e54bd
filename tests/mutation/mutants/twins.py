"""Mistakes in the twins of the loss, in PyTorch and compiled, and the tests that must notice."""

TWINS = "tests/test_twins.py"

TESTS = {
    "erde_torch/loss.py": (
        TWINS,  # first: it kills most, and the first failure ends a run
        "tests/erde_torch/test_loss.py",
        "-k=test_loss or (agree_with_the_reference and erde_torch and float32)",
    ),
    "erde_torch/imitation.py": (
        TWINS,
        "tests/erde_torch/test_loss.py",
        "-k=test_loss or (agree_with_the_reference and erde_torch and float32)",
    ),
    "erde_core/fast/loss.py": (
        TWINS,
        "tests/erde_core/fast/test_loss.py",
        "-k=(agree_with_the_reference and fast and float64) or undefined_last_row",
    ),
    "erde_core/fast/_settings.py": (TWINS, "-k=agree_with_the_reference and fast and float64"),
    "erde_core/fast/_imitation.py": (TWINS, "-k=agree_with_the_reference and fast and float64"),
    "erde_core/fast/_rows.py": (TWINS, "-k=agree_with_the_reference and fast and float64"),
    "erde_core/fast/_sums.py": (TWINS, "-k=agree_with_the_reference and fast and float64"),
    "erde_core/fast/policy.py": (TWINS, "-k=twin and exit_indices"),
    "erde_core/fast/sweep.py": (TWINS, "-k=twin and sweep"),
}

MUTANTS = {
    "erde_torch/loss.py": [
        ("_weighted(ce, -log_p.gather", "_weighted(ce, log_p.gather"),
        ("return temperature**2 * ", "return temperature * "),
        ("log_p[:, -1:].detach()", "log_p[:, -1:]"),
        ("log_p[:, -1:].detach()", "log_p[:, :1].detach()"),
        ("kd * kd_factor", "kd"),
        ("_at_least_float32(class_weight)[labels]", "_at_least_float32(class_weight)[labels - 1]"),
        ("defined & comparable(student, labels, settings)", "defined"),
        ("defined & comparable(_target(teacher, settings), labels, settings)", "defined"),
        ("defined & student[:, -1:].amax(2)", "defined & student[:, :1].amax(2)"),
        ("settings.self_weight * (one * early)", "settings.self_weight * one"),
        ('teacher[:, -1:] if which == "last"', 'teacher[:, :1] if which == "last"'),
        ("(p * torch.where(p > 0, log_p, 0.0)).sum(2)", "(p * log_p).sum(2)"),
        ("wrong, early = ~right,", "wrong, early = right.clone(),"),
        ("early[:, -1].zero_()", "early[:, 0].zero_()"),
        ("kd[:, 0].zero_()", "kd[:, -1].zero_()"),
        ("settings.entropy_weight / nats", "settings.entropy_weight * nats"),
        (").mean(0)", ").sum(0)"),
        ("defined = defined & known\n", "pass\n"),
        ("torch.where(weight != 0, weight * term, 0.0)", "weight * term"),
        ("loss.unbind()", "loss.flip(0).unbind()"),
        ("if logits.dtype == torch.float64 else logits.float()", ""),
        (
            "    return sum(weighted",
            "    return loss @ loss.new_tensor(weights)\n    return sum(weighted",
        ),
    ],
    "erde_torch/imitation.py": [
        ("return tau**2 * divergence", "return tau * divergence"),
        ("return temperature**2 * sum(", "return temperature * sum("),
        ("log_q - log_p, 0.0", "log_p - log_q, 0.0"),
        ("torch.where(q > 0, log_q - log_p, 0.0)", "(log_q - log_p)"),
        ("if weight > 0  # a part", "if True  # a part"),
        ("logits.var(2).isfinite()", "logits.isfinite().all(2)"),
        ("& others.amax(2).isfinite()", ""),
        ("_TINY + shifted.std(2, keepdim=True)", "_TINY + shifted.std(2, False, keepdim=True)"),
        ("student, target = _standardised(student), _standardised(target)", "pass"),
    ],
    "erde_core/fast/loss.py": [
        ("and math.isfinite(target_top)", ""),
        ("class_weight[labels[n]],", "1.0,"),
        ("is_answer = target_at == answer_at", "is_answer = True"),
    ],
    "erde_core/fast/_settings.py": [
        ("weights[0, :, 1] = 0", "weights[1, :, 1] = 0"),
        ("weights[:, -1:, 2] = 0", "weights[:, :1, 2] = 0"),
        ("weights[:, 0, 1] = 0", "weights[:, -1, 1] = 0"),
        ("if not read:\n", "if False:\n"),
        ("np.full(exits, teacher_exits - 1,", "np.full(exits, 0,"),
    ],
    "erde_core/fast/_imitation.py": [
        ("p_factor, q_factor = (plan.of_others - pull) *", "p_factor, q_factor = plan.of_others *"),
        ("scratch[Q_SOFT, label] = pull", "pass"),
        ("_spread(teacher, teacher_top)", "_spread(student, top)"),
        ("- centred * bend) / scale", "+ centred * bend) / scale"),
        ("left_out = label if plan.decoupled", "left_out = _NO_CLASS if plan.decoupled"),
        ("if plan.of_others > 0 else 0.0", ""),
        ("math.sqrt(squares / (row.size - 1))", "math.sqrt(squares / row.size)"),
        ("of_p * scratch[P_SOFT, c] - of_q * scratch[LAST, c]", "of_p * scratch[P_SOFT, c]"),
        ("return slope * plan.temperature * (", "return slope * ("),
    ],
    "erde_core/fast/_rows.py": [
        ("loss = ent * negative_entropy\n", "loss = -ent * negative_entropy\n"),
        ("kd * temperature * temperature * divergence", "kd * temperature * divergence"),
        ("of_p_log * scratch[P_LOG, label] - ce", "of_p_log * scratch[P_LOG, label] + ce"),
        ("slope_with_kd(scratch, label, factors) - ce", "slope_with_kd(scratch, label, factors)"),
        ("scratch[SLOPE, label] -= ce", "pass"),
        ("scratch[SLOPE] = 0.0", "pass"),
        ("math.nan if undefined else scratch[SLOPE, c]", "scratch[SLOPE, c]"),
        ("of_p = ce / total\n    if gradient", "of_p = total\n    if gradient"),
        ("of_p = ce / total\n        for", "of_p = total\n        for"),
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
