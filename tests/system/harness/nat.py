"""NAT at the lab's gateway: each kind for a port of its own, so that all are there at once, and connections through it.
Ports are translated along with addresses."""

import socket

from harness.sockets import Listener, Pair, client_socket
from harness.topology import GATEWAY, SERVER

KINDS = ("none", "snat", "dnat", "both")
# What the server listens on, by kind; behind DNAT the client connects to another one.
_PORT = {"none": 7001, "snat": 7002, "dnat": 7003, "both": 7004}
_SHOWN_PORT = {"dnat": 8003, "both": 8004}
# None that the client's sockets are given.
_MASQUERADED_PORTS = "2000-6999"


def _bracketed(version, address):
    return f"[{address}]" if version == 6 else address


def add_by_iptables(lab):
    for version, tool in ((4, "iptables"), (6, "ip6tables")):
        for kind in ("snat", "both"):
            lab.gateway.run(tool, "-t", "nat", "-A", "POSTROUTING", "-o", "to-server", "-p", "tcp", "--dport", _PORT[kind],
                            "-j", "MASQUERADE", "--to-ports", _MASQUERADED_PORTS)
        for kind, shown in _SHOWN_PORT.items():
            lab.gateway.run(tool, "-t", "nat", "-A", "PREROUTING", "-d", GATEWAY[version], "-p", "tcp", "--dport", shown,
                            "-j", "DNAT", "--to-destination", f"{_bracketed(version, SERVER[version])}:{_PORT[kind]}")


def add_by_nft(lab):
    """Raises CommandFailed where the kernel has no NAT for nftables."""
    rules = []
    for version, family, match in ((4, "ip", "ip"), (6, "ip6", "ip6")):
        rules.append(f"add table {family} operator")
        rules.append(f"add chain {family} operator pre {{ type nat hook prerouting priority dstnat; }}")
        rules.append(f"add chain {family} operator post {{ type nat hook postrouting priority srcnat; }}")
        for kind in ("snat", "both"):
            rules.append(f"add rule {family} operator post oifname to-server tcp dport {_PORT[kind]} "
                         f"masquerade to :{_MASQUERADED_PORTS}")
        for kind, shown in _SHOWN_PORT.items():
            rules.append(f"add rule {family} operator pre {match} daddr {GATEWAY[version]} tcp dport {shown} "
                         f"dnat to {_bracketed(version, SERVER[version])}:{_PORT[kind]}")
    lab.gateway.run("nft", "-f", "-", stdin="\n".join(rules) + "\n")


def remove(lab):
    """Whoever added it."""
    for tool in ("iptables", "ip6tables"):
        lab.gateway.run(tool, "-t", "nat", "-F", check=False)
    for family in ("ip", "ip6"):
        lab.gateway.run("nft", "delete", "table", family, "operator", check=False)


def open_pairs(lab, kind, version, count, client_end=None):
    """Established connections through that kind of NAT, each of which has talked. `client_end`: address and port."""
    listener = Listener(lab, version, _PORT[kind])
    shown = (GATEWAY[version], _SHOWN_PORT[kind]) if kind in _SHOWN_PORT else (SERVER[version], _PORT[kind])
    return connect(lab, listener, shown, version, count, client_end)


def connect(lab, listener, shown, version, count, client_end=None):
    """Connections to `listener`, which the client knows as `shown`; closes it. `client_end`: an address, perhaps with a port."""
    listener.socket.setblocking(True)
    listener.socket.settimeout(10)
    pairs = []
    # One after another: who was accepted cannot be told by the address that the client knows itself by.
    for _ in range(count):
        client = client_socket(lab, version, *(client_end or ()))
        client.settimeout(10)
        client.connect(shown)
        server = listener.socket.accept()[0]
        server.settimeout(10)
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pairs.append(Pair(version, client, server))
        pairs[-1].talk()
    listener.socket.close()
    return pairs
