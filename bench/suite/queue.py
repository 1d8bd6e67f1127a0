"""What a queue's reader may choose, each choice by itself, on the bare loop: so that finwaitd's ways are measured ones."""

from suite.plan import say
from suite.result import Result, interleave
from suite.site import Arms, Floor
from suite.traffic import loads

_FLOWS = 10_000
_PACED = 5_000
_AS_IT_IS = "as finwaitd does it"
_CHOICES = {
    _AS_IT_IS: (),
    "16 at once": ("--burst", 16), "32 at once": ("--burst", 32), "128 at once": ("--burst", 128),
    "256 at once": ("--burst", 256),
    "60 bytes of each": ("--copy", 60), "256 bytes of each": ("--copy", 256), "all of each": ("--copy", 65_535),
    "spins for 20 µs": ("--spin", 20), "spins for 100 µs": ("--spin", 100),
    "a verdict for each": ("--each",),
}


def queue(plan):
    result = Result("queue", "A queue's reader", rounds=plan.rounds, quick=plan.quick, how=(
        "The bare loop takes up to 64 packets at once, 120 bytes of each, accepts them by one verdict, and sleeps when there "
        "are none: the ways of finwaitd. Each of the others differs in one of these. The small packets of 10 000 connections, "
        f"as above; latency at {_PACED} packets per second."))
    rates = result.sampled("Small packets", "per second")
    latencies = result.sampled("One-way latency, p50", "µs")
    late = result.sampled("One-way latency, p99", "µs")

    def measure(arm):
        done = made[arm.name].ask("latency", plan.seconds(1), _PACED)
        latencies.add(arm.name, done["p50"])
        late.add(arm.name, done["p99"])
        rates.add(arm.name, made[arm.name].ask("rate", plan.seconds(1), "random")["per_second"])

    makers = [lambda name=name, options=options: Floor(name, "all", options, conntrack="off")
              for name, options in _CHOICES.items()]
    with Arms(*makers) as arms, loads(arms, plan.flows(_FLOWS)) as made:
        interleave(arms, plan.rounds, measure, lambda n: say(f"  queue: round {n} of {plan.rounds}"))
    for name in _CHOICES:
        if name != _AS_IT_IS:
            result.figure(f"packets/s, {name} / {_AS_IT_IS}", rates.ratio(name, _AS_IT_IS))
    return result
