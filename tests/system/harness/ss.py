"""The endpoint kernel's own word on its connections: `ss`, read into a table."""

import ipaddress
import re
from typing import NamedTuple


class Key(NamedTuple):
    """One connection, from one end's point of view."""
    address: str
    port: int
    peer_address: str
    peer_port: int

    def turned(self):
        return Key(self.peer_address, self.peer_port, self.address, self.port)

    def __str__(self):
        return f"{endpoint_text(self.address, self.port)} > {endpoint_text(self.peer_address, self.peer_port)}"


class Socket(NamedTuple):
    """One end, as `ss -o` shows it."""
    state: str
    timer: str  # "on" (retransmission), "persist", "keepalive", "timewait", or ""
    line: str   # as ss wrote it


# ss spells most states in its table as in its filters, but for these.
_SPELLING = {"estab": "established", "unconn": "closed", "syn-rcv": "syn-recv"}


def endpoint_text(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def canonical(address):
    """One spelling for each address: no scope, no IPv4 dressed up as IPv6."""
    parsed = ipaddress.ip_address(address.partition("%")[0].strip("[]"))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def _endpoint(text):
    """("10.0.0.1", 80), or None for a wildcard such as 0.0.0.0:* or *:*."""
    address, _, port = text.rpartition(":")
    if port == "*" or address in ("", "*"):
        return None
    return canonical(address), int(port)


def parse_sockets(text):
    """{Key: Socket} from `ss -H -t -a -n`, with -o or not; sockets that merely listen are left out."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if words and words[0] in ("tcp", "mptcp"):
            words = words[1:]
        if len(words) < 5:
            continue
        state = _SPELLING.get(words[0].lower(), words[0].lower())
        local, peer = _endpoint(words[3]), _endpoint(words[4])
        if state != "listen" and local and peer:
            timer = re.search(r"timer:\((\w+)", line)
            found[Key(*local, *peer)] = Socket(state, timer[1] if timer else "", " ".join(words))
    return found


def parse(text):
    """{Key: state}."""
    return {key: socket.state for key, socket in parse_sockets(text).items()}


def table(namespace):
    """{Key: state} of every connection in a namespace, orphans and TIME-WAIT included."""
    return parse(namespace.run("ss", "-H", "-t", "-a", "-n").stdout)


def sockets(namespace):
    """{Key: Socket} of the same, with timers."""
    return parse_sockets(namespace.run("ss", "-H", "-t", "-a", "-n", "-o").stdout)


def count(namespace):
    """{state: connections} in a namespace."""
    counts = {}
    for state in table(namespace).values():
        counts[state] = counts.get(state, 0) + 1
    return counts
