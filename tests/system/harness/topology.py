"""client — gateway — server: three namespaces with IPv4 and IPv6, names of their own, gone when the program ends."""

import os
import re
import secrets

from harness import cleanup
from harness.command import run
from harness.netns import Namespace

GATEWAY = {4: "10.99.1.1", 6: "fd99:1::1"}
SERVER = {4: "10.99.2.2", 6: "fd99:2::2"}
# Whoever is connected to is never heard of again: the server's machine swallows it.
BLACKHOLE = {4: "10.99.66.1", 6: "fd99:66::1"}


def client_address(version, index):
    """The client machine's addresses, from 0 on. Many, because NFQUEUE spreads flows by addresses only."""
    return f"10.99.1.{2 + index}" if version == 4 else f"fd99:1::{2 + index:x}"


def _remove_stale():
    """A test that was killed with SIGKILL leaves its namespaces; their names tell its process id."""
    for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else ():
        owner = re.match(r"fw-(\d+)-[0-9a-f]+-(client|gateway|server|host\d)$", name)
        if owner and not os.path.exists(f"/proc/{owner[1]}"):
            run("ip", "netns", "del", name, check=False)


class Lab:
    """Use as a context manager, or call close(). With a `prefix` of the caller's it outlives the program; with `make`
    false it is one that was made so before."""

    def __init__(self, client_addresses=8, prefix=None, make=True):
        _remove_stale()
        self.client_addresses = client_addresses
        self.hosts = []  # further machines behind the gateway (hosts.py)
        self.prefix = prefix or f"fw-{os.getpid()}-{secrets.token_hex(2)}-"
        self._namespaces = []
        if not prefix:
            cleanup.at_exit(self.close)
        try:
            self.client = self._namespace("client", make)
            self.gateway = self._namespace("gateway", make)
            self.server = self._namespace("server", make)
            if make:
                self._tune()
                self._wire()
                self._address()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        cleanup.forget(self.close)
        for namespace in self._namespaces:
            # Sockets that are still open keep a deleted namespace alive; without its cables it is out of the way.
            run("ip", "-n", namespace.name, "link", "del", "to-gateway", check=False)
        for host in self.hosts:
            host.close()
        while self._namespaces:
            self._namespaces.pop().delete()

    def clients(self, version):
        return [client_address(version, i) for i in range(self.client_addresses)]

    def gateway_mac(self):
        """The gateway's hardware address towards the client, for frames made by hand."""
        return self.mac(self.gateway, "to-client")

    def client_mac(self):
        return self.mac(self.client, "to-gateway")

    @staticmethod
    def mac(namespace, link):
        found = run("ip", "-n", namespace.name, "-o", "link", "show", link).stdout
        return re.search(r"link/ether ([0-9a-f:]{17})", found)[1]

    def _namespace(self, role, make):
        namespace = Namespace(self.prefix + role, make)
        self._namespaces.append(namespace)
        return namespace

    def _tune(self):
        for namespace in self._namespaces:
            # Duplicate address detection would hold IPv6 back for its first seconds.
            namespace.sysctl(ipv6__conf__all__accept_dad=0, ipv6__conf__default__accept_dad=0)
        self.gateway.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
        self.client.sysctl(ipv4__ip_local_port_range="10000 65000")
        self.server.sysctl(core__somaxconn=8192, ipv4__tcp_max_syn_backlog=8192)

    def _wire(self):
        self.gateway.ip(
            f"link add to-client type veth peer name to-gateway netns {self.client.name}",
            f"link add to-server type veth peer name to-gateway netns {self.server.name}",
        )
        for namespace, links in ((self.client, ["to-gateway"]), (self.server, ["to-gateway"]),
                                 (self.gateway, ["to-client", "to-server"])):
            namespace.ip(*(f"link set {link} up" for link in ["lo", *links]))

    def _address(self):
        prefix = {4: 24, 6: 64}
        self.client.ip(
            *(f"addr add {a}/{prefix[v]} dev to-gateway{' nodad' if v == 6 else ''}"
              for v in (4, 6) for a in self.clients(v)),
            f"route add default via {GATEWAY[4]}",
            f"route add default via {GATEWAY[6]}",
        )
        self.server.ip(
            f"addr add {SERVER[4]}/24 dev to-gateway",
            f"addr add {SERVER[6]}/64 dev to-gateway nodad",
            "route add default via 10.99.2.1",
            "route add default via fd99:2::1",
            "route add blackhole 10.99.66.0/24",
            "route add blackhole fd99:66::/64",
        )
        self.gateway.ip(
            f"addr add {GATEWAY[4]}/24 dev to-client",
            f"addr add {GATEWAY[6]}/64 dev to-client nodad",
            "addr add 10.99.2.1/24 dev to-server",
            "addr add fd99:2::1/64 dev to-server nodad",
            f"route add 10.99.66.0/24 via {SERVER[4]}",
            f"route add fd99:66::/64 via {SERVER[6]}",
        )
