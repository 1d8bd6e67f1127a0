"""What the hosts' own `ss` say, brought to one name for each connection: without NAT, from the client's point of view."""

import re

from harness.command import CommandFailed
from harness.ss import Key, parse_sockets
from soak.town import CLIENTS, FAILING

# TIME_WAIT is left out: of it there are thousands.
_BODIES = [word for state in ("established", "fin-wait-1", "fin-wait-2", "close-wait", "last-ack", "closing")
           for word in ("state", state)]


def _named(town, name, sockets):
    if name in CLIENTS:
        return {Key(k.address, k.port, town.real(k.peer_address), k.peer_port): s for k, s in sockets.items()}
    return {Key(town.real(k.peer_address), k.peer_port, k.address, k.port): s for k, s in sockets.items()}


def _ss(town, name, *words):
    return town.hosts[name].namespace.run("ss", "-H", "-t", "-n", "-o", *words).stdout


def bodies(town, name):
    """{Key: state} of the connections that are not over; none while the host is being rebooted."""
    try:
        text = _ss(town, name, *_BODIES)
    except CommandFailed:
        if name not in FAILING:
            raise
        return {}
    return {key: sock.state for key, sock in _named(town, name, parse_sockets(text)).items()}


def asked(town, names):
    """What `ss` says on these hosts, unread, for there is no time to lose before the next question."""
    return {name: _ss(town, name, "-a") for name in names}


def read(town, answers):
    """{Key: Socket} of the clients and of the servers among them."""
    clients, servers = {}, {}
    for name, text in answers.items():
        (clients if name in CLIENTS else servers).update(_named(town, name, parse_sockets(text)))
    return clients, servers


def remaining(sock):
    """Seconds until a TIME_WAIT is over."""
    found = re.search(r"timewait,(?:(\d+)min)?(?:(\d+)sec)?", sock.line)
    return int(found[1] or 0) * 60 + int(found[2] or 0) if found else 0
