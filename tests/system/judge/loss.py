"""Random loss on both sides of the gateway's eyes. What is dropped in the gateway's raw PREROUTING never reaches
finwaitd's chains in FORWARD; what is dropped in an endpoint's raw PREROUTING has passed them. Dropped on arrival:
a sender that drops its own segment in OUTPUT is told so, which a network never does."""

import re

from harness.command import CommandFailed

_TOOLS = ("iptables", "ip6tables")
# Where FINs cross, some losses would leave nothing to know it by: when a side's first FIN is lost before the gateway,
# only its ACK of the other FIN tells, by its sequence number, that there was one; and only if that other FIN had not
# been repeated. So on this port pure ACKs reach the gateway, and FINs that have passed it arrive.
CROSSING_PORT = 7000
_SPARED = {"before": ("FIN,SYN,RST,PSH,ACK", "ACK"), "behind": ("FIN", "FIN")}


class Loss:
    """`probability` for each segment, once before the gateway and once behind it. A context manager."""

    def __init__(self, lab, probability):
        drop = ("-p", "tcp", "-m", "statistic", "--mode", "random", "--probability", str(probability), "-j", "DROP")
        places = {"before": (lab.gateway,), "behind": (lab.client, lab.server)} if probability else {}
        self._places = [(place, namespaces, [*_spare(place), drop]) for place, namespaces in places.items()]
        self.lost = {"before": 0, "behind": 0}

    def __enter__(self):
        self._change("-A")
        return self

    def __exit__(self, *_):
        """No more loss; the counters tell how many segments there was."""
        for place, namespaces, _ in self._places:
            self.lost[place] += sum(_dropped(namespace) for namespace in namespaces)
        self._change("-D")

    def _change(self, how):
        for _, namespaces, rules in self._places:
            for namespace in namespaces:
                for tool in _TOOLS:
                    for rule in rules:
                        namespace.run(tool, "-w", "5", "-t", "raw", how, "PREROUTING", *rule)


def _spare(place):
    return [("-p", "tcp", port, str(CROSSING_PORT), "--tcp-flags", *_SPARED[place], "-j", "RETURN")
            for port in ("--sport", "--dport")]


def _dropped(namespace):
    total = 0
    for tool in _TOOLS:
        listed = namespace.run(tool, "-w", "5", "-t", "raw", "-L", "PREROUTING", "-v", "-n", "-x").stdout
        total += sum(int(count) for count in re.findall(r"^\s*(\d+)\s+\d+\s+DROP\b", listed, re.MULTILINE))
    return total


def disturb(lab):
    """Delay, reordering and duplicates by netem at every interface, where the kernel has it. Returns whether it has."""
    for namespace, interfaces in ((lab.client, ["to-gateway"]), (lab.server, ["to-gateway"]),
                                  (lab.gateway, ["to-client", "to-server"])):
        for interface in interfaces:
            try:
                namespace.run("tc", "qdisc", "replace", "dev", interface, "root", "netem", "delay", "3ms", "2ms",
                              "reorder", "10%", "duplicate", "2%")
            except CommandFailed:
                return False
    return True
