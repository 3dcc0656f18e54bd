"""What a faulty program may write instead of one value of a JSON text."""

ODD = (None, True, False, 0, -1, 1e300, float("nan"), "", "x", [], {}, 2**70, "../x", [[0]])


def changed(draw, value):
    """``value`` with one part odd, missing, repeated or a little different."""
    if isinstance(value, dict) and value and draw.random() < 0.9:
        name = draw.choice(list(value))
        if draw.random() < 0.1:
            return {k: v for k, v in value.items() if k != name}
        return value | {name: changed(draw, value[name])}
    if isinstance(value, list) and value and draw.random() < 0.8:
        n = draw.randrange(len(value))
        if draw.random() < 0.2:
            return draw.choice((value[:n] + value[n + 1 :], [*value, value[n]]))
        return [*value[:n], changed(draw, value[n]), *value[n + 1 :]]
    if isinstance(value, int | float) and not isinstance(value, bool) and draw.random() < 0.5:
        return value * draw.choice((-1, 0.5, 1.001, 1e6))
    return draw.choice(ODD)
