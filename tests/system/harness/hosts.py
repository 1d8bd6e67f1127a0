"""Further machines behind a lab's gateway that can be switched off and on: what a server's sudden end looks like."""

from harness.command import run
from harness.netns import Namespace


class Host:
    """One more server, on a network of its own, over both IP versions."""

    def __init__(self, lab, index):
        self._lab = lab
        self._link = f"to-host{index}"
        self._name = f"{lab.prefix}host{index}"
        self._subnet = {4: f"10.99.{10 + index}", 6: f"fd99:{10 + index}:"}
        self._incarnations = []  # a namespace lives on while somebody has sockets in it
        self.address = {4: self._subnet[4] + ".2", 6: self._subnet[6] + ":2"}
        lab.hosts.append(self)
        self._boot()

    @property
    def namespace(self):
        return self._incarnations[-1]

    def entered(self):
        return self.namespace.entered()

    def power_off(self):
        """Nothing arrives there and nothing comes from there any more; nobody is told."""
        self.namespace.ip("link set to-gateway down")

    def reboot(self):
        """The same addresses a moment later, and no memory of any connection."""
        self._unplug()
        run("ip", "netns", "del", self._name)
        self._boot()

    def close(self):
        self._unplug()
        run("ip", "netns", "del", self._name, check=False)
        self._incarnations.clear()

    def _unplug(self):
        run("ip", "-n", self._lab.gateway.name, "link", "del", self._link, check=False)

    def _boot(self):
        namespace = Namespace(self._name)
        self._incarnations.append(namespace)
        namespace.sysctl(ipv6__conf__all__accept_dad=0, ipv6__conf__default__accept_dad=0)
        four, six = self._subnet[4], self._subnet[6]
        self._lab.gateway.ip(f"link add {self._link} type veth peer name to-gateway netns {self._name}",
                             f"link set {self._link} up",
                             f"addr add {four}.1/24 dev {self._link}",
                             f"addr add {six}:1/64 dev {self._link} nodad")
        namespace.ip("link set lo up", "link set to-gateway up",
                     f"addr add {four}.2/24 dev to-gateway",
                     f"addr add {six}:2/64 dev to-gateway nodad",
                     f"route add default via {four}.1",
                     f"route add default via {six}:1")
