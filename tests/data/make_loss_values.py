"""Computes loss_values*.json: the loss terms and their derivatives at 50 digits, with mpmath.

Run it from the repository's root: ``python tests/data/make_loss_values.py``. It knows nothing of
erde_core: each term is written out as the definition reads, for every class. So are the derivatives
of CE, plain KD and ENT; those of the other forms are differences over a step of 1e-20, so that
nobody's algebra stands behind them.
"""

import json
from pathlib import Path

import mpmath
import numpy as np

TARGET = Path(__file__).with_name("loss_values.json")
OF_FORMS = Path(__file__).with_name("loss_values_of_forms.json")
SAMPLES, EXITS, CLASSES = 4, 2, 6
mpmath.mp.dps = 50


def logits(rng, scale):
    """Float32 values, so that every implementation gets exactly the same input."""
    return as_float32(scale * rng.standard_normal((SAMPLES, EXITS, CLASSES)))


def far_apart(rng, limit):
    """Values over ±limit, where two classes at the top compete: else each softmax is one-hot."""
    values = rng.uniform(-limit, limit, (SAMPLES, EXITS, CLASSES))
    values[:, :, :2] = limit - rng.uniform(0, 3, (SAMPLES, EXITS, 2))
    return as_float32(values)


def as_float32(values):
    return values.astype(np.float32).astype(np.float64)


def cases():
    """(name, temperature, student, teacher) of every case; each says why it is there."""
    rng = np.random.default_rng(20251004)
    moderate = logits(rng, 3), logits(rng, 3)
    for temperature in (0.5, 1.0, 4.0, 20.0):  # sharpening, none, the default, beyond the default
        yield f"moderate, temperature {temperature}", temperature, *moderate
    large = far_apart(rng, 300), far_apart(rng, 300)
    huge = far_apart(rng, 1e4), far_apart(rng, 1e4)
    for temperature in (0.5, 4.0, 20.0):  # exp overflows unless the maximum is subtracted first
        yield f"up to 300, temperature {temperature}", temperature, *large
        yield f"up to 1e4, temperature {temperature}", temperature, *huge
    # Close competitors far from zero: only the differences matter, the offset must not cost digits.
    yield "moderate around 1e4", 4.0, *(as_float32(x + 1e4) for x in moderate)
    student, teacher = (x.copy() for x in moderate)
    student[:, :, 2] = teacher[:, :, 2] = -np.inf  # a class that both mask
    student[1, :, 4] = -np.inf  # the teacher gives mass where the student has none: KD = inf
    teacher[2, :, 5] = -np.inf  # the teacher gives none: 0 · log 0 = 0
    yield "masked classes", 4.0, student, teacher
    student, teacher = (np.round(x) for x in moderate)
    teacher[0] = student[0]  # KD is exactly 0
    student[1], teacher[2] = 1.0, -2.0  # all classes equal
    yield "ties", 4.0, student, teacher
    yield "near uniform", 4.0, *(as_float32(1e-3 * x) for x in moderate)


def softmax(row, temperature):
    powers = [mpmath.exp(mpmath.mpf(x) / mpmath.mpf(temperature)) for x in row]
    total = mpmath.fsum(powers)
    return [power / total for power in powers]


def log(p):
    return mpmath.log(p) if p > 0 else mpmath.ninf


def times_log(weight, value):
    """weight · value with 0 · anything = 0."""
    return weight * value if weight > 0 else mpmath.mpf(0)


def terms(student, teacher, label, temperature):
    """CE, KD, ENT and their derivatives for one row."""
    p, tau = softmax(student, 1), mpmath.mpf(temperature)
    soft, target = softmax(student, temperature), softmax(teacher, temperature)
    entropy = mpmath.fsum(times_log(x, log(x)) for x in p)
    divergence = [times_log(q, log(q) - log(s)) for q, s in zip(target, soft, strict=True)]
    return {
        "ce": -log(p[label]),
        "kd": tau**2 * mpmath.fsum(divergence),
        "ent": entropy,
        "ce_slope": [x - (c == label) for c, x in enumerate(p)],
        "kd_slope": [tau * (s - q) for s, q in zip(soft, target, strict=True)],
        "ent_slope": [times_log(x, log(x) - entropy) for x in p],
    }


def form_cases():
    """(name, temperature, α, β, student, teacher) for the other forms of KD and for SELF."""
    kept = {name: (tau, student, teacher) for name, tau, student, teacher in cases()}
    yield "moderate, temperature 4.0", 1.0, 8.0, *kept["moderate, temperature 4.0"]
    yield "moderate, temperature 0.5", 0.7, 2.0, *kept["moderate, temperature 0.5"]
    yield "up to 300, temperature 4.0", 1.0, 8.0, *kept["up to 300, temperature 4.0"]
    yield "near uniform", 1.0, 8.0, *kept["near uniform"]
    tau, student, teacher = kept["ties"]
    student[1, :, 0] = 1.5  # a row of equal entries has no deviation to divide by
    teacher[2, :, 0] = -1.5
    yield "ties", 2.0, 0.5, tau, student, teacher
    tau, student, teacher = (np.copy(x) for x in kept["masked classes"])
    student[1, :, 4] = 0.5  # infinite values have no differences
    yield "masked classes", 1.0, 8.0, float(tau), student, teacher


def standardised(row):
    mean = mpmath.fsum(row) / len(row)
    deviation = mpmath.sqrt(mpmath.fsum((x - mean) ** 2 for x in row) / (len(row) - 1))
    return [(x - mean) / (mpmath.mpf("1e-7") + deviation) for x in row]


def kl(target, student):
    return mpmath.fsum(times_log(q, log(q) - log(p)) for q, p in zip(target, student, strict=True))


def decoupled_kl(target, student, label, alpha, beta):
    def parts(p):
        rest = mpmath.fsum(x for c, x in enumerate(p) if c != label)
        return (p[label], rest), [x / rest for c, x in enumerate(p) if c != label]

    (binary_q, among_q), (binary_p, among_p) = parts(target), parts(student)
    return alpha * kl(binary_q, binary_p) + beta * kl(among_q, among_p)


def form_terms(student, teacher, last, label, temperature, alpha, beta):
    """Each form of KD, and SELF, with derivatives, for one row; None where a form is undefined."""
    tau = mpmath.mpf(temperature)
    weights = label, mpmath.mpf(alpha), mpmath.mpf(beta)
    whole = all(np.isfinite(student)) and all(np.isfinite(teacher))
    functions = {
        "decoupled": lambda s, t: decoupled_kl(softmax(t, tau), softmax(s, tau), *weights),
        "self": lambda s, t: kl(softmax(last, tau), softmax(s, tau)),
    }
    if whole:
        functions["standardised"] = lambda s, t: kl(
            softmax(standardised(t), tau), softmax(standardised(s), tau)
        )
        functions["both"] = lambda s, t: functions["decoupled"](standardised(s), standardised(t))
    student, teacher = ([mpmath.mpf(float(x)) for x in row] for row in (student, teacher))
    found = {}
    for name in ("standardised", "decoupled", "both", "self"):
        if name not in functions:
            found |= {name: float("nan"), f"{name}_slope": [float("nan")] * CLASSES}
            continue
        value = lambda s, f=functions[name]: tau**2 * f(s, teacher)  # noqa: E731
        found |= {name: value(student), f"{name}_slope": differences(value, student)}
    return found


def differences(value, row):
    step = mpmath.mpf("1e-20")

    def moved(c, by):
        return value([x + by if i == c else x for i, x in enumerate(row)])

    return [(moved(c, step) - moved(c, -step)) / (2 * step) for c in range(len(row))]


def form_values(name, alpha, beta, temperature, student, teacher):
    labels = [int(row[0].argmax()) if n % 2 else n % CLASSES for n, row in enumerate(teacher)]

    def row(n, e):
        own, last = student[n, e], student[n, -1]
        return form_terms(own, teacher[n, e], last, labels[n], temperature, alpha, beta)

    rows = [[row(n, e) for e in range(EXITS)] for n in range(SAMPLES)]
    inputs = {"student": student.tolist(), "teacher": teacher.tolist(), "labels": labels}
    outputs = {key: [[floats(row[key]) for row in line] for line in rows] for key in rows[0][0]}
    chosen = {"name": name, "temperature": temperature, "weights": [alpha, beta]}
    return chosen | inputs | outputs


def values(name, temperature, student, teacher):
    labels = [int(row[0].argmax()) if n % 2 else n % CLASSES for n, row in enumerate(teacher)]
    rows = [
        [terms(student[n, e], teacher[n, e], label, temperature) for e in range(EXITS)]
        for n, label in enumerate(labels)
    ]
    # list.index finds the first of equal maxima, which is the teacher's answer.
    right = [
        [line.index(max(line)) == label for line in row]
        for row, label in zip(teacher.tolist(), labels, strict=True)
    ]
    inputs = {
        "student": student.tolist(),
        "teacher": teacher.tolist(),
        "labels": labels,
        "right": right,
    }
    outputs = {key: [[floats(row[key]) for row in line] for line in rows] for key in rows[0][0]}
    return {"name": name, "temperature": temperature, **inputs, **outputs}


def floats(value):
    return [float(v) for v in value] if isinstance(value, list) else float(value)


if __name__ == "__main__":
    for target, found in (
        (TARGET, [values(*case) for case in cases()]),
        (OF_FORMS, [form_values(*case) for case in form_cases()]),
    ):
        lines = ",\n".join(json.dumps(case) for case in found)
        target.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
        print(f"{target.name}: {len(found)} cases, {target.stat().st_size} bytes")
