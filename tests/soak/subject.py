"""The daemon that is soaked: one that keeps an audit file, for what happened before an oddity was seen."""

import os

from harness.command import run
from harness.daemon import Daemon

_LAST = 20


class Subject(Daemon):
    def configure(self, settings):
        audit = os.path.join(self.directory, "audit.json")
        super().configure({**settings, "log": {"audit": audit, **settings.get("log", {})}})

    def history(self, key):
        """What the audit file has of a connection, over restarts, the last lines of it; and what conntrack knows."""
        ports = [word for way in ("src", "dest") for word in ("-e", f'"{way}_port":{key.port},')]
        lines = run("grep", "-F", *ports, os.path.join(self.directory, "audit.json"), check=False).stdout.splitlines()
        entries = self.lab.gateway.run("conntrack", "-L", "-p", "tcp", "--sport", key.port, check=False).stdout.splitlines()
        return [line for line in lines if f'"{key.address}"' in line][-_LAST:] + entries
