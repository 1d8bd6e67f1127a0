"""Where it is measured: a site is three namespaces of its own, and an arm is a site with what runs on its gateway. All arms
of a comparison are there at once and idle while another is measured, so that changing over costs nothing."""

import os

from harness.daemon import Daemon, binary
from harness.topology import SERVER, Lab, client_address
from suite.tools import Process, cpu_seconds

CLIENT_ADDRESSES = 64
SERVERS = [f"10.99.2.{2 + i}" for i in range(16)]
# The crafted flows' hosts (bench/load/crafted.hpp); both ends swallow what is sent to them.
_CRAFTED = {4: ("10.98.0.0/16", "10.97.0.0/16"), 6: ("fd98::/64", "fd97::/64")}
# conntrack remembers the short connections of a round no longer than it must.
_FORGET = {f"netfilter__nf_conntrack_tcp_timeout_{state}": 1 for state in ("time_wait", "close", "last_ack")}


class Site(Lab):
    def __init__(self):
        super().__init__(CLIENT_ADDRESSES)
        self.server.ip(*(f"addr add {address}/24 dev to-gateway" for address in SERVERS[1:]))
        for version, (clients, servers) in _CRAFTED.items():
            self.client.ip(f"route add blackhole {clients}")
            self.server.ip(f"route add blackhole {servers}")
            self.gateway.ip(f"route add {clients} via {client_address(version, 0)}",
                            f"route add {servers} via {SERVER[version]}")
        self._introduce()
        # Crafted segments come without checksums; conntrack is to take them all the same.
        self.gateway.sysctl(netfilter__nf_conntrack_checksum=0)

    def mac(self, namespace, link):
        return self._mac(namespace, link)

    def _introduce(self):
        """Crafted frames resolve nobody's address: the gateway is told its neighbours."""
        client, server = (self._mac(host, "to-gateway") for host in (self.client, self.server))
        for version in (4, 6):
            self.gateway.ip(
                f"neigh replace {client_address(version, 0)} lladdr {client} dev to-client nud permanent",
                f"neigh replace {SERVER[version]} lladdr {server} dev to-server nud permanent")

    def forget_connections(self):
        self.gateway.run("conntrack", "-F", check=False)

    def untrack(self):
        """conntrack takes no notice of what is forwarded: it may know fewer connections than there are flows."""
        for tool in ("iptables", "ip6tables"):
            self.gateway.run(tool, "-t", "raw", "-A", "PREROUTING", "-p", "tcp", "-j", "CT", "--notrack")

    def track(self):
        """conntrack takes notice, whatever runs here."""
        self.gateway.run("iptables", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "NEW", "-j", "ACCEPT")


def queues():
    """As many as finwaitd opens by itself."""
    return len(os.sched_getaffinity(0))


def settings(packets, flows=1_000_000, **more):
    """A configuration in which nothing happens but what is measured."""
    made = {"intercept": {"packets": packets}, "limits": {"flows": flows, "adaptive_start": "off"},
            "state": {"file": ""}, "log": {"level": "warn"}}
    for table, values in more.items():
        made[table] = {**made.get(table, {}), **values}
    return made


class Arm:
    """A site where nothing is in the way."""

    def __init__(self, name, conntrack=None):
        """`conntrack`: "on" whatever the rules need, "off" even for what is forwarded, None as the rules have it."""
        self.name = name
        self.site = Site()
        self._beside = []
        try:
            self._set_conntrack(conntrack)
            self.begin()
            self.site.gateway.sysctl(**_FORGET)
        except BaseException:
            self.close()
            raise

    def _set_conntrack(self, how):
        if how == "on":
            self.site.track()
        elif how == "off":
            self.site.untrack()

    pid = None  # of what runs on the gateway

    def begin(self):
        pass

    def cpu_seconds(self):
        return cpu_seconds(self.pid) if self.pid else 0.0

    def end(self):
        pass

    def beside(self, process):
        """It ends with the arm. Returns it."""
        self._beside.append(process)
        return process

    def close(self):
        while self._beside:
            self._beside.pop().close()
        self.end()
        self.site.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Floor(Arm):
    """The bare loop, with finwaitd's rules for "all" or "selective"."""

    def __init__(self, name, packets, choices=(), **options):
        """`choices`: options of bench_floor, other than finwaitd's ways."""
        self._packets = packets
        self._choices = choices
        self._loop = None
        super().__init__(name, **options)

    def begin(self):
        argv = self.site.gateway.argv(binary("bench_floor"), "--packets", self._packets, "--queues", queues(), *self._choices)
        self._loop = Process(argv).ready()
        self.pid = self._loop.pid

    def end(self):
        if self._loop:
            self._loop.close()


class Finwaitd(Arm):
    def __init__(self, name, configuration, **options):
        self._configuration = configuration
        self.daemon = None
        super().__init__(name, **options)

    def begin(self):
        self.daemon = Daemon(self.site, self._configuration)
        self.pid = self.daemon.pid

    def end(self):
        if self.daemon:
            self.daemon.close()


class Arms(list):
    """Several, closed together. Given as functions, so that those made already are closed when one cannot be."""

    def __init__(self, *makers):
        super().__init__()
        try:
            for make in makers:
                self.append(make())
        except BaseException:
            self.close()
            raise

    def close(self):
        while self:
            self.pop().close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
