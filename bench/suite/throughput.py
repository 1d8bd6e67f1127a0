"""What users notice first: bulk data and new connections, over many pairs of addresses."""

import json
import subprocess

from harness.daemon import binary
from harness.wait import until
from suite.plan import say
from suite.result import Result, interleave
from suite.site import SERVERS, Arm, Arms, Finwaitd, Floor, settings
from suite.tools import Process

_STREAMS = 4
_FIRST_PORT = 5201
_CONNECT_PORT = 8080


def _start_iperf(arm):
    for i in range(_STREAMS):
        argv = arm.site.server.argv("iperf3", "-s", "-B", SERVERS[i], "-p", _FIRST_PORT + i)
        arm.beside(Process(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    until(lambda: len(arm.site.server.run("ss", "-Hltn").stdout.splitlines()) >= _STREAMS, 5)


def _gbits(site, seconds):
    """What all receivers got together."""
    clients = [Process(site.client.argv("iperf3", "-J", "-c", SERVERS[i], "-B", site.clients(4)[i], "-p", _FIRST_PORT + i,
                                        "-t", max(1, round(seconds)))) for i in range(_STREAMS)]
    ends = [json.loads(client.result(seconds + 30))["end"] for client in clients]
    for client in clients:
        client.close()
    return sum(end["sum_received"]["bits_per_second"] for end in ends) / 1e9


def bulk(plan):
    result = Result("bulk", "Bulk throughput", rounds=plan.rounds, quick=plan.quick, how=(
        f"{_STREAMS} TCP streams between different addresses, by iperf3. The bare loop has the rules of mode `all`. "
        "conntrack alone is what every gateway with NAT or a stateful filter has anyway."))
    samples = result.sampled("Throughput", "Gbit/s")
    with Arms(lambda: Arm("no rules"), lambda: Arm("conntrack alone", conntrack="on"), lambda: Floor("bare loop", "all"),
              lambda: Finwaitd("selective", settings("selective")), lambda: Finwaitd("all", settings("all"))) as arms:
        for arm in arms:
            _start_iperf(arm)
            _gbits(arm.site, 1)  # the first run pays for waking everything up
        interleave(arms, plan.rounds, lambda arm: samples.add(arm.name, _gbits(arm.site, plan.seconds(3))),
                   lambda n: say(f"  bulk: round {n} of {plan.rounds}"))
    result.figure("bulk, selective / no rules", samples.ratio("selective", "no rules"), least=0.97)
    result.figure("bulk, selective / conntrack alone", samples.ratio("selective", "conntrack alone"))
    result.figure("bulk, all / bare loop", samples.ratio("all", "bare loop"))
    result.figure("bulk, all / no rules", samples.ratio("all", "no rules"))
    return result


def _connect(arm, seconds):
    """Connections per second; a failed one is an error of the measurement."""
    arm.site.forget_connections()
    pairs = [option for address in arm.site.clients(4) for option in ("--source", address)]
    pairs += [option for address in SERVERS for option in ("--destination", address)]
    argv = arm.site.client.argv(binary("bench_connections"), "client", "--port", _CONNECT_PORT, "--seconds", seconds, *pairs)
    with Process(argv) as client:
        return json.loads(client.result(seconds + 30))


def connections(plan):
    result = Result("connections", "Connections per second", rounds=plan.rounds, quick=plan.quick, how=(
        "A question and an answer of 64 bytes each, then the server closes; 256 at once, over 64 pairs of addresses. The bare "
        "loop accepts what the rules of either mode hand over; in selective mode finwaitd gives an established connection back "
        "to the kernel, which a loop that does not track cannot."))
    samples = result.sampled("Connections", "per second")
    failed = 0

    def measure(arm):
        nonlocal failed
        done = _connect(arm, plan.seconds(2.5))
        samples.add(arm.name, done["per_second"])
        failed += done["failed"]

    with Arms(lambda: Arm("no rules"), lambda: Floor("bare loop, selective", "selective"),
              lambda: Finwaitd("selective", settings("selective")), lambda: Floor("bare loop, all", "all"),
              lambda: Finwaitd("all", settings("all"))) as arms:
        for arm in arms:
            server = arm.site.server.argv(binary("bench_connections"), "server", "--port", _CONNECT_PORT)
            arm.beside(Process(server)).ready()
            _connect(arm, 0.3)
        interleave(arms, plan.rounds, measure, lambda n: say(f"  connections: round {n} of {plan.rounds}"))
    result.figure("connections/s, selective / bare loop", samples.ratio("selective", "bare loop, selective"), least=0.95)
    result.figure("connections/s, all / bare loop", samples.ratio("all", "bare loop, all"), least=0.95)
    result.figure("connections/s, selective / no rules", samples.ratio("selective", "no rules"))
    result.figure("connections that failed", failed, most=0)
    return result
