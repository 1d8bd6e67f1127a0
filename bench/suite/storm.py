"""A hundred thousand half-closed connections whose time is up at once, while packets of others pass."""

from suite import tools
from suite.plan import say
from suite.result import Curves, Result, Samples, median
from suite.site import Finwaitd, settings

_CONNECTIONS = 100_000
_TIMEOUT = 6  # seconds, from a connection's FIN to its reset
_BYSTANDERS = 10_000


def rate_between(samples, begin, end):
    """Packets per second that arrived between two times, by samples of [time, arrived so far]; None without any."""
    inside = [sample for sample in samples if begin <= sample[0] <= end]
    if len(inside) < 2 or inside[-1][0] <= inside[0][0]:
        return None
    return (inside[-1][1] - inside[0][1]) / (inside[-1][0] - inside[0][0])


def rates(samples, origin):
    """[[seconds since origin, packets per second], …] between neighbouring samples."""
    return [[b[0] - origin, (b[1] - a[1]) / (b[0] - a[0])] for a, b in zip(samples, samples[1:]) if b[0] > a[0]]


def _configuration():
    return settings("all", timeouts={"fin_wait_2": f"{_TIMEOUT}s", "on_expiry": "reset"},
                    limits={"resets_per_second": 1_000_000, "breaker_share": "off"})


def _play(connections, over, busy):
    """One storm: (what the wires showed, the bystanders' packets); they are still unless `busy`."""
    with Finwaitd("all", _configuration(), conntrack="on") as arm, tools.packets(arm.site) as load, tools.half_closed(arm.site) as orphans:
        load.ask("open", _BYSTANDERS)
        orphans.ask("open", connections)
        orphans.ask("shut", over)
        flood = None
        if busy:
            load.begin("rate", _TIMEOUT + 2, "random")
            flood = load.answer()
        seen = orphans.ask("report", _TIMEOUT, _TIMEOUT + 10)
        if seen["unseen"]:
            raise tools.Failed(f"the capture has lost {seen['unseen']} packets")
        return seen, flood


def storm(plan):
    rounds = plan.fewer(7)
    connections = plan.flows(_CONNECTIONS)
    result = Result("storm", "A reaping storm", rounds=rounds, quick=plan.quick, how=(
        f"{connections} real connections are half-closed within a second and never finished; fin_wait_2 is {_TIMEOUT} s, "
        "on_expiry = \"reset\". Meanwhile small packets of 10 000 others pass as fast as they get through. When a reset was due "
        "and when it came is told by the wires at both ends. The calm run has a twentieth of the connections, over five seconds, "
        "and no other traffic. conntrack is at work, as on a gateway with NAT."))
    late = {kind: result.sampled(f"RST after its deadline, {kind}", "ms") for kind in ("p50", "p99", "max")}
    share = result.sampled("Packet rate during the storm / before it", "ratio")
    done = Samples("Connections reset", "share of all")
    for number in range(rounds):
        calm, _ = _play(max(connections // 20, 100), 5, busy=False)
        seen, flood = _play(connections, 1, busy=True)
        for name, found in (("calm", calm), ("storm", seen)):
            for kind, samples in late.items():
                if found[f"late_ms_{kind}"] is not None:
                    samples.add(name, found[f"late_ms_{kind}"])
            done.add(name, found["reset"] / found["closed"] if found["closed"] else 0)
        before = rate_between(flood["samples"], 0, seen["first_due"] - 0.1)
        during = rate_between(flood["samples"], seen["first_reset"], max(seen["last_reset"], seen["first_reset"] + 0.1))
        if before and during:
            share.add("storm", during / before)
        say(f"  storm: round {number + 1} of {rounds}")
    origin, size = seen["first_due"], f"{connections:,} expiries".replace(",", " ")
    result.curves.append(Curves("Packets of others, during the last storm", "seconds from the first deadline",
                                "packets/s", {"small packets": rates(flood["samples"], origin)}))
    lasted = median(late["max"].arms.get("storm", []))
    result.figure(f"{size}: last RST after its deadline", lasted / 1000 if lasted is not None else None, "s", most=1)
    result.figure(f"{size}: share of connections reset", done.median("storm"), least=1)
    result.figure("packet rate during the storm / before it", share.median("storm"), least=0.7)
    result.figure("RST after its deadline, p99, calm", late["p99"].median("calm"), "ms", most=20)
    result.figure("RST after its deadline, p99, storm", late["p99"].median("storm"), "ms")
    return result
