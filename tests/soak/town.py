"""The hosts around the gateway, over IPv4 and IPv6: which of them lose segments, which are translated, which may fail."""

import os
import secrets

from harness import cleanup
from harness.command import run
from harness.netns import Namespace

_TOOLS = {4: "iptables", 6: "ip6tables"}
#: name: number on the network, addresses. Names of namespaces end in hostN, by which the harness finds stale ones.
CLIENTS = {"desk": (0, 24), "mobile": (1, 8), "shaky": (2, 4), "nat": (3, 8)}
SERVERS = {"web": (4, 2), "far": (5, 1), "frail": (6, 1)}
LOSSY = {"mobile": 0.01, "far": 0.005}   # of segments, in each direction
FAILING = ("shaky", "frail")
_FIRST = 10  # of a host's addresses


def _subnet(version, number):
    return f"10.99.{number + 1}." if version == 4 else f"fd99:{number + 1}::"


def _outside(version):
    """What the sources of "nat" become, one for one; nobody has these addresses."""
    return "10.98.4." if version == 4 else "fd98:4::"


#: Behind these nobody is; the gateway sends what is for them to the second address of "web".
SHOWN = {4: "10.98.5.1", 6: "fd98:5::1"}


class Host:
    """One machine on a network of its own. A namespace that was unplugged lives on while somebody has sockets in it."""

    def __init__(self, town, name, number, count):
        self.name, self._town, self._number = name, town, number
        self.addresses = {v: [f"{_subnet(v, number)}{_FIRST + i}" for i in range(count)] for v in (4, 6)}
        self._link = f"to-{name}"
        self.boot()

    def boot(self):
        name = f"{self._town.prefix}host{self._number}"
        self.namespace = Namespace(name)
        namespace = self.namespace
        namespace.sysctl(ipv6__conf__all__accept_dad=0, ipv6__conf__default__accept_dad=0,
                         ipv4__ip_local_port_range="10000 65000", core__somaxconn=4096)
        gateway = {v: _subnet(v, self._number) + "1" for v in (4, 6)}
        self._town.gateway.ip(f"link add {self._link} type veth peer name to-gateway netns {name}",
                              f"link set {self._link} up", f"addr add {gateway[4]}/24 dev {self._link}",
                              f"addr add {gateway[6]}/64 dev {self._link} nodad")
        namespace.ip("link set lo up", "link set to-gateway up",
                     *(f"addr add {a}/24 dev to-gateway" for a in self.addresses[4]),
                     *(f"addr add {a}/64 dev to-gateway nodad" for a in self.addresses[6]),
                     f"route add default via {gateway[4]}", f"route add default via {gateway[6]}")

    def unplug(self):
        """Nothing comes or goes any more, for good: its sockets cannot tell anybody that they are closed."""
        run("ip", "-n", self._town.gateway.name, "link", "del", self._link, check=False)
        self.namespace.delete()

    def link_down(self):
        self.namespace.ip("link set to-gateway down")

    def firewalled(self):
        """Its link is up, and all that arrives or leaves is swallowed."""
        for tool in _TOOLS.values():
            for chain in ("PREROUTING", "OUTPUT"):
                self.namespace.run(tool, "-w", "5", "-t", "raw", "-A", chain, "-p", "tcp", "-j", "DROP")


class Town:
    """All of it; removed when the program ends, however it ends. `gateway` is what harness.daemon wants of a lab."""

    def __init__(self):
        self.prefix = f"fw-{os.getpid()}-{secrets.token_hex(2)}-"
        self.hosts = {}
        cleanup.at_exit(self.close)
        self.gateway = Namespace(self.prefix + "gateway")
        self.gateway.sysctl(ipv6__conf__all__accept_dad=0, ipv6__conf__default__accept_dad=0, ipv4__ip_forward=1,
                            ipv6__conf__all__forwarding=1)
        self.gateway.ip("link set lo up")
        for name, (number, count) in {**CLIENTS, **SERVERS}.items():
            self.hosts[name] = Host(self, name, number, count)
        for version, tool in _TOOLS.items():
            self._translate(version, tool)
            for name, probability in LOSSY.items():
                self._lose(tool, name, probability)

    def _lose(self, tool, name, probability):
        """Dropped on arrival, before the gateway and behind it: a sender that drops its own segments is told so, which no
        network does."""
        for namespace, link in ((self.gateway, f"to-{name}"), (self.hosts[name].namespace, "to-gateway")):
            namespace.run(tool, "-w", "5", "-t", "raw", "-A", "PREROUTING", "-i", link, "-p", "tcp", "-m", "statistic",
                          "--mode", "random", "--probability", str(probability), "-j", "DROP")

    def _translate(self, version, tool):
        nat = self.hosts["nat"]
        for i, address in enumerate(nat.addresses[version]):
            self.gateway.run(tool, "-t", "nat", "-A", "POSTROUTING", "-s", address, "-j", "SNAT", "--to-source",
                             f"{_outside(version)}{_FIRST + i}")
        self.gateway.run(tool, "-t", "nat", "-A", "PREROUTING", "-d", SHOWN[version], "-j", "DNAT", "--to-destination",
                         self.hosts["web"].addresses[version][1])

    def real(self, address):
        """Whose address it is, without NAT."""
        for version in (4, 6):
            if address == SHOWN[version]:
                return self.hosts["web"].addresses[version][1]
            if address.startswith(_outside(version)):
                return address.replace(_outside(version), _subnet(version, CLIENTS["nat"][0]))
        return address

    def targets(self, name):
        """By what (version, address) clients know a server's addresses; the second one of "web" only behind DNAT."""
        found = [(v, self.hosts[name].addresses[v][0]) for v in (4, 6)]
        return found + [(v, SHOWN[v]) for v in (4, 6)] if name == "web" else found

    def host_of(self, address):
        for host in self.hosts.values():
            if address in host.addresses[4] or address in host.addresses[6]:
                return host.name
        return None

    def close(self):
        cleanup.forget(self.close)
        for host in self.hosts.values():
            host.unplug()
        self.hosts.clear()
        self.gateway.delete()
