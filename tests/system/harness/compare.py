"""Holds what finwaitctl lists against what `ss` says at both ends, side by side."""

from typing import NamedTuple

from harness import ss
from harness.ss import Key, canonical, endpoint_text


class Difference(NamedTuple):
    key: Key        # from the client's point of view
    side: str       # "client" or "server"
    listed: str     # what finwaitctl says
    real: str       # what ss says

    def __str__(self):
        return f"{self.key}: {self.side} is {self.real} in ss, {self.listed} in the list"


class Comparison:
    def __init__(self, agreed, differences):
        self.agreed = agreed
        self.differences = differences

    def all_agree(self):
        return not self.differences

    def __str__(self):
        lines = [f"{self.agreed} sides agree with ss, {len(self.differences)} do not"]
        lines += [f"  {d}" for d in self.differences[:20]]
        if len(self.differences) > 20:
            lines.append(f"  and {len(self.differences) - 20} more")
        return "\n".join(lines)


def flow_key(flow):
    client, server = flow["client"], flow["server"]
    return Key(canonical(client["addr"]), client["port"], canonical(server["addr"]), server["port"])


def compare(flows, client_table, server_table, only=None):
    """A side that ss does not show is closed. Connections that only ss shows are differences too. `only`: these keys."""
    listed = {flow_key(f): (f["client"]["state"], f["server"]["state"]) for f in flows}
    keys = set(listed) | set(client_table) | {k.turned() for k in server_table}
    if only is not None:
        keys &= set(only)
    agreed, differences = 0, []
    for key in sorted(keys):
        real = client_table.get(key, "closed"), server_table.get(key.turned(), "closed")
        told = listed.get(key)
        for i, side in enumerate(("client", "server")):
            if told is not None and told[i] == real[i]:
                agreed += 1
            elif told is not None or real != ("closed", "closed"):
                differences.append(Difference(key, side, told[i] if told else "not there", real[i]))
    return Comparison(agreed, differences)


def against_ss(daemon, only=None):
    """The comparison at this moment; both ends should be quiet."""
    lab = daemon.lab
    return compare(daemon.flows(), ss.table(lab.client), ss.table(lab.server), only)


def side_by_side(flows, client_table, server_table):
    """A table for people: each connection, its two states as listed and as ss has them."""
    rows = []
    for flow in flows:
        key = flow_key(flow)
        rows.append((endpoint_text(key.address, key.port), endpoint_text(key.peer_address, key.peer_port),
                     f"{flow['client']['state']}/{flow['server']['state']}",
                     f"{client_table.get(key, 'closed')}/{server_table.get(key.turned(), 'closed')}"))
    rows.insert(0, ("client", "server", "list", "ss"))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
