"""Half-closed connections that nobody will finish, of every kind: who closed, how, over which IP version."""

from harness import ss
from harness.sockets import open_both_versions
from harness.wait import patiently, until


class HalfClosed:
    """A pair of which `closer` has sent its FIN by `how` ("shutdown" or "close"), and the other never will."""

    def __init__(self, pair, closer, how):
        self.pair = pair
        self.closer = closer
        self.holder = "server" if closer == "client" else "client"
        self.how = how
        pair.finish(closer, how)

    def states(self, client_table, server_table):
        """(closer's, holder's) as ss has them."""
        client = client_table.get(self.pair.key, "closed")
        server = server_table.get(self.pair.server_key, "closed")
        return (client, server) if self.closer == "client" else (server, client)

    def __str__(self):
        return f"{self.pair.key} ({self.closer} closed by {self.how})"


def make(lab, count):
    """`count` idle half-closed connections, a quarter of each kind, half of each over IPv6."""
    kinds = [("client", "shutdown"), ("client", "close"), ("server", "shutdown"), ("server", "close")]
    pairs = open_both_versions(lab, count)
    # Pairs alternate between the IP versions, so two neighbours share a kind.
    return [HalfClosed(pair, *kinds[i // 2 % 4]) for i, pair in enumerate(pairs)]


def not_in(lab, half_closed, states):
    """Those of them that are not in `states` (closer's, holder's), with what ss says of them."""
    client, server = ss.table(lab.client), ss.table(lab.server)
    wrong = [(h, h.states(client, server)) for h in half_closed]
    return [f"{h}: {found}" for h, found in wrong if found != states]


def become(lab, half_closed, states, seconds):
    """Waits until all of them are in `states`; returns those that are not in the end."""
    until(lambda: not not_in(lab, half_closed, states), seconds)
    return not_in(lab, half_closed, states)


#: Timeouts by which they are ended, or asked, two seconds, or what a slow machine needs, after they have become so.
RESETTING = {"fin_wait_2": patiently(2), "on_expiry": "reset"}
ASKING = {"fin_wait_2": patiently(2), "on_expiry": "probe", "probe_interval": "1s", "probe_attempts": 3}

OPEN = ("fin-wait-2", "close-wait")
GONE = ("closed", "closed")
