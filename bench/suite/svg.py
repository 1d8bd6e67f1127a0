"""Plots as SVG, drawn by hand: bars with the spread of the rounds, and lines."""

import math
from xml.sax.saxutils import escape

from suite.result import median
from suite.table import number

_COLOURS = ("#4269d0", "#efb118", "#3ca951", "#ff725c", "#9c6b4e", "#a463f2", "#6cc5b0", "#9498a0")
_WIDTH = 720
_FONT = "font-family='system-ui, sans-serif' font-size='13'"
_LABELS = 190  # room to the left of the bars
_RIGHT = 90


def bars(samples):
    """A bar for each arm: its median, and a line from the least to the most."""
    top = max((max(values) for values in samples.arms.values() if values), default=0) or 1
    scale = (_WIDTH - _LABELS - _RIGHT) / top
    body = [_text(8, 20, f"{samples.what}, {samples.unit}", weight="bold")]
    y = 36
    for i, (arm, values) in enumerate(samples.arms.items()):
        middle, low, high = median(values), min(values), max(values)
        body.append(_text(_LABELS - 8, y + 15, arm, anchor="end"))
        body.append(f"<rect x='{_LABELS}' y='{y}' width='{middle * scale:.1f}' height='20' "
                    f"fill='{_COLOURS[i % len(_COLOURS)]}'/>")
        body.append(_line(_LABELS + low * scale, y + 10, _LABELS + high * scale, y + 10, "#222", 1.5))
        body.append(_text(_LABELS + high * scale + 8, y + 15, number(middle)))
        y += 28
    return _document(y + 6, body)


def curves(plot, height=340):
    """Lines with their names to the right of the plot's title; the y axis begins at 0."""
    points = [point for line in plot.lines.values() for point in line]
    if not points:
        return _document(40, [_text(8, 20, plot.what, weight="bold")])
    low, high = min(p[0] for p in points), max(p[0] for p in points)
    top = _round_up(max(p[1] for p in points))
    left, right, upper, lower = 66, _WIDTH - 44, 46 + 18 * len(plot.lines), height - 44

    def at_x(x):
        if plot.logarithmic:
            x, first, last = math.log10(x), math.log10(low), math.log10(high)
        else:
            first, last = low, high
        return left + (right - left) * ((x - first) / (last - first) if last > first else 0.5)

    def at_y(y):
        return lower - (lower - upper) * y / top

    body = [_text(8, 20, plot.what, weight="bold")]
    for step in range(5):
        y = top * step / 4
        body += [_line(left, at_y(y), right, at_y(y), "#ddd"), _text(left - 8, at_y(y) + 4, number(y), anchor="end")]
    for x in _ticks(plot, low, high):
        body += [_line(at_x(x), lower, at_x(x), lower + 5, "#888"),
                 _text(at_x(x), lower + 20, number(x), anchor="middle")]
    body.append(_text((left + right) / 2, height - 6, plot.x, anchor="middle"))
    body.append(_text(8, upper - 12, plot.y))
    for i, (name, line) in enumerate(plot.lines.items()):
        colour = _COLOURS[i % len(_COLOURS)]
        path = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in line)
        body.append(f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>")
        body += [_line(left, 36 + 18 * i, left + 24, 36 + 18 * i, colour, 3), _text(left + 32, 40 + 18 * i, name)]
    return _document(height, body)


def _ticks(plot, low, high):
    if plot.logarithmic:
        return sorted({x for line in plot.lines.values() for x, _ in line})
    step = _round_up((high - low) / 8)
    return [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _round_up(value):
    """To a number that is short, and so are its quarters."""
    if value <= 0:
        return 1
    power = 10 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 4, 6, 8, 10) if factor * power >= value * 0.9999)


def _text(x, y, text, anchor="start", weight="normal"):
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' font-weight='{weight}'>{escape(text)}</text>"


def _line(x1, y1, x2, y2, colour, width=1):
    return (f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}' "
            f"stroke-width='{width}'/>")


def _document(height, body):
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {height}' width='{_WIDTH}' height='{height}' {_FONT}>"
    return "\n".join([head, f"<rect width='{_WIDTH}' height='{height}' fill='white'/>", *body, "</svg>"]) + "\n"
