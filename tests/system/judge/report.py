"""The judge's findings, for people."""


def agreement(verdict):
    """Counts by pair of states, the most frequent first."""
    width = max((len("/".join(pair)) for pair in verdict.agreed), default=0)
    lines = [f"  {'/'.join(pair):<{width}} {count:6}" for pair, count in verdict.agreed.most_common()]
    return "\n".join(lines)


def summary(title, verdict, lost, seconds):
    total = sum(verdict.agreed.values())
    judged = total + len(verdict.disagreements) + len(verdict.unsettled)
    lines = [f"{title}: {total} of {judged} connections are in the list as in ss ({seconds:.0f} s)", agreement(verdict)]
    if any(lost.values()):
        lines.append(f"  segments lost before the gateway: {lost['before']}, behind it: {lost['behind']}")
    notes = {"seen when both had forgotten them": verdict.forgotten, "looks that did not count": verdict.again,
             "lives cut short": verdict.cut_short, "disagreements": len(verdict.disagreements),
             "never quiet": len(verdict.unsettled)}
    lines += [f"  {name}: {count}" for name, count in notes.items() if count]
    return "\n".join(lines)


def faults(verdict, capture=None):
    """Every disagreement in full, with the segments if they were kept."""
    texts = []
    for found in verdict.disagreements:
        texts.append(f"DISAGREEMENT {found}")
        if capture:
            texts.append("    " + "\n    ".join(capture.dialogue(found.key)))
    for key, life, truth in verdict.unsettled:
        texts.append("\n    ".join([f"NEVER QUIET {key}", f"life: {life}", *truth.lines()]))
    return "\n".join(texts)
