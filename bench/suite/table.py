"""Results as text for a terminal."""

from suite.result import median


def number(value):
    """With three digits that count, or all of a whole number."""
    if value is None:
        return "–"
    size = abs(value)
    if size < 1000 and value == int(value):
        return str(int(value))
    if size >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    if size >= 100:
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 1:
        return f"{value:.2f}"
    return f"{value:.3f}"


def with_unit(value, unit):
    return number(value) + (f" {unit}" if unit and value is not None else "")


def to_reach(figure):
    if figure.least is not None:
        return f"≥ {figure.least:g} {figure.unit}".rstrip()
    if figure.most is not None:
        return f"≤ {figure.most:g} {figure.unit}".rstrip()
    return ""


def verdict(figure):
    return {None: "", True: "met", False: "missed"}[figure.met]


def aligned(rows):
    """Rows of cells as lines: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                      for i, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows]


def sample_rows(samples):
    yield [f"{samples.what}, {samples.unit}", "median", "least", "most"]
    for arm, values in samples.arms.items():
        yield [f"  {arm}", *map(number, (median(values), min(values), max(values)))]


def figure_rows(figures):
    for figure in figures:
        yield [figure.what, with_unit(figure.value, figure.unit), to_reach(figure), verdict(figure)]


def text(result):
    lines = [f"{result.title} ({result.rounds} rounds{', quick' if result.quick else ''})"]
    for samples in result.samples:
        if samples.arms:
            lines += ["", *aligned(list(sample_rows(samples)))]
    if result.figures:
        lines += ["", *aligned(list(figure_rows(result.figures)))]
    return "\n".join(lines + [f"note: {note}" for note in result.notes])


def summary(results):
    """All numbers that are to be reached."""
    figures = [figure for result in results for figure in result.figures if figure.met is not None]
    if not figures:
        return ""
    missed = sum(not figure.met for figure in figures)
    return "\n".join(["Numbers to reach", "", *aligned(list(figure_rows(figures))), "",
                      f"{len(figures) - missed} met, {missed} missed"])
