"""Connections of the gateway's own sockets, as the other helpers take them for those of a lab: who is the client, who the
server, and by which addresses."""

from harness.topology import GATEWAY, SERVER

_TOWARDS_SERVER = {4: "10.99.2.1", 6: "fd99:2::1"}
_LOOPBACK = {4: "127.0.0.1", 6: "::1"}


class View:
    """Use it as a lab, and as the host that is connected to."""

    def __init__(self, client, client_addresses, server, address):
        self.client = client
        self.server = server
        self.address = address
        self._clients = client_addresses
        self.client_addresses = 1 if isinstance(client_addresses, dict) else len(client_addresses(4))

    def clients(self, version):
        return [self._clients[version]] if isinstance(self._clients, dict) else self._clients(version)

    def entered(self):
        return self.server.entered()


def from_client(lab):
    """The client's machine connects to the gateway."""
    return View(lab.client, lab.clients, lab.gateway, GATEWAY)


def from_server(lab):
    """So does the server's."""
    return View(lab.server, SERVER, lab.gateway, _TOWARDS_SERVER)


def to_server(lab):
    """The gateway connects to the server."""
    return View(lab.gateway, _TOWARDS_SERVER, lab.server, SERVER)


def loopback(lab):
    """The gateway connects to itself."""
    return View(lab.gateway, _LOOPBACK, lab.gateway, _LOOPBACK)
