"""Reads the daemon's page and metrics, from the namespace in which it runs."""

import http.client
import json
import re
import urllib.parse

LISTEN = "127.0.0.1:9652"


class Web:
    """One that reads at an IPv4 address in `namespace`."""

    def __init__(self, namespace, listen=LISTEN):
        self.namespace = namespace
        self.address, port = listen.rsplit(":", 1)
        self.port = int(port)

    def get(self, target, **headers):
        """(status, headers, body)"""
        with self.namespace.entered():
            connection = http.client.HTTPConnection(self.address, self.port, timeout=10)
            connection.connect()
        try:
            connection.request("GET", target, headers=headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode()
        finally:
            connection.close()

    def answers(self):
        try:
            return self.get("/metrics")[0] == 200
        except OSError:
            return False

    def metrics(self):
        return Metrics(self.get("/metrics")[2])

    def flows(self, words=""):
        return json.loads(self.get("/api/flows.json?filter=" + urllib.parse.quote(words))[2])


class Metrics:
    """A scrape in Prometheus' text format; asked by name and labels."""

    _LINE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")

    def __init__(self, text):
        self.text = text
        self.samples = {}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name, labels, value = self._LINE.match(line).groups()
            self.samples[name, frozenset(re.findall(r'([a-z]+)="([^"]*)"', labels or ""))] = float(value)

    def __call__(self, name, **labels):
        return self.samples[name, frozenset(labels.items())]

    def sum(self, name):
        return sum(value for (found, _), value in self.samples.items() if found == name)
