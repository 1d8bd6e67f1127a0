"""A second way from the lab's gateway to the server, and policy routing over both: by mark, kept in the connection's mark,
and by source. Each way translates addresses, and the server takes from each only what was translated there, as providers
do."""

from harness.nat import connect
from harness.sockets import Listener

# Where both ways lead to: an address of the server's machine that is on neither link.
_FAR = {4: "10.99.80.1", 6: "fd99:80::1"}
_FIRST = {4: "10.99.2", 6: "fd99:2:"}
_SECOND = {4: "10.99.3", 6: "fd99:3:"}
# What sends a connection over the second way, by kind; "main" takes the first.
KINDS = ("main", "mark", "source")
_PORT = {"main": 7101, "mark": 7102, "source": 7103}
_MARK, _BITS = 2, 0xff
_TABLE = 102


class Uplinks:
    """The routes and rules at a lab's gateway; gone with remove()."""

    def __init__(self, lab):
        self._lab = lab
        self._undo = []
        self.address = _FAR
        self.source = {version: lab.clients(version)[-1] for version in (4, 6)}  # of what is routed by source
        self._link()
        for version in (4, 6):
            self._route(version)
            self._translate(version)
            self._filter(version)

    def entered(self):
        return self._lab.server.entered()

    def open_pairs(self, kind, version, count):
        listener = Listener(self._lab, version, _PORT[kind], host=self)
        source = self.source[version] if kind == "source" else self._lab.clients(version)[0]
        return connect(self._lab, listener, (_FAR[version], _PORT[kind]), version, count, (source,))

    def second(self, address):
        """Whether an address is one of the second way's."""
        return any(address.startswith(network) for network in _SECOND.values())

    def choose_by_interface(self, on):
        """Whether all that comes from the client takes the second way, because it comes by that interface."""
        self._lab.gateway.run("ip", "rule", "add" if on else "del", "iif", "to-client", "table", _TABLE, check=on)

    def remove(self):
        while self._undo:
            namespace, argv = self._undo.pop()
            namespace.run(*argv, check=False)

    def _do(self, namespace, argv, undo):
        namespace.run(*argv)
        self._undo.append((namespace, undo))

    def _link(self):
        gateway, server = self._lab.gateway, self._lab.server
        self._do(gateway, ["ip", "link", "add", "to-server2", "type", "veth", "peer", "name", "to-gateway2", "netns",
                           server.name], ["ip", "link", "del", "to-server2"])
        gateway.ip("link set to-server2 up", "addr add 10.99.3.1/24 dev to-server2", "addr add fd99:3::1/64 dev to-server2 nodad")
        server.ip("link set to-gateway2 up", "addr add 10.99.3.2/24 dev to-gateway2",
                  "addr add fd99:3::2/64 dev to-gateway2 nodad")

    def _route(self, version):
        gateway, far = self._lab.gateway, _FAR[version]
        ip = ["ip", f"-{version}"]
        self._do(self._lab.server, [*ip, "addr", "add", far, "dev", "lo"], [*ip, "addr", "del", far, "dev", "lo"])
        first, second = (f"{network[version]}{'.' if version == 4 else ':'}2" for network in (_FIRST, _SECOND))
        self._do(gateway, [*ip, "route", "add", far, "via", first], [*ip, "route", "del", far])
        self._do(gateway, [*ip, "route", "add", far, "via", second, "table", _TABLE],
                 [*ip, "route", "flush", "table", _TABLE])
        for selector in (["fwmark", _MARK], ["from", self.source[version]]):
            rule = [*selector, "table", _TABLE]
            self._do(gateway, [*ip, "rule", "add", *rule], [*ip, "rule", "del", *rule])

    def _translate(self, version):
        masks = ["--nfmask", _BITS, "--ctmask", _BITS]
        for rule in (["-j", "CONNMARK", "--restore-mark", *masks],
                     ["-i", "to-client", "-p", "tcp", "--dport", _PORT["mark"], "-j", "MARK", "--set-xmark", f"{_MARK}/{_BITS}"],
                     ["-j", "CONNMARK", "--save-mark", *masks]):
            self._rule(self._lab.gateway, version, "mangle", "PREROUTING", rule)
        for link in ("to-server", "to-server2"):
            self._rule(self._lab.gateway, version, "nat", "POSTROUTING", ["-o", link, "-d", _FAR[version], "-j", "MASQUERADE"])

    def _filter(self, version):
        length = 24 if version == 4 else 64
        for link, network in (("to-gateway", _FIRST), ("to-gateway2", _SECOND)):
            base = f"{network[version]}{'.0' if version == 4 else ':'}/{length}"
            self._rule(self._lab.server, version, "raw", "PREROUTING",
                       ["-i", link, "-d", _FAR[version], "!", "-s", base, "-j", "DROP"])

    def _rule(self, namespace, version, table, chain, rule):
        tool = "iptables" if version == 4 else "ip6tables"
        self._do(namespace, [tool, "-t", table, "-A", chain, *rule], [tool, "-t", table, "-D", chain, *rule])
