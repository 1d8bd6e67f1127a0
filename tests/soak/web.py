"""nginx on two hosts, asked by wrk and curl from three: with keepalive and without, small answers and slow large ones."""

import asyncio
import os
import random
import re
import shutil
import subprocess
import tempfile

from harness import cleanup
from harness.command import die_with_parent
from harness.wait import until

_CONFIGURATION = """
daemon off; worker_processes 1; user root; pid {directory}/{name}.pid; error_log {directory}/{name}.log error;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 100000; keepalive_timeout 60s; reset_timedout_connection off;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    server {{
        listen 80 so_keepalive=3s:2s:20; listen [::]:80 ipv6only=on so_keepalive=3s:2s:20;
        root {directory}/files;
        location = /status {{ stub_status; }}
    }}
}}
"""
_FILES = {"small": 600, "page": 30_000, "large": 600_000}
# Each request waits for a random time, or wrk would ask as fast as it can.
_DELAY = """
local most = {most}
function delay() return math.random(0, most) end
"""
_RUN = 20  # seconds that one wrk lasts
# curl's exit codes for a connection that broke: nothing received, and failures to send and to receive.
_RESET = (52, 55, 56)


class Web:
    def __init__(self, town, book, rate):
        self._town, self._book, self._rate = town, book, rate
        self._directory = tempfile.mkdtemp(prefix="finwaitd-soak-web-")
        os.chmod(self._directory, 0o755)
        self._servers = []
        cleanup.at_exit(self.close)
        os.mkdir(os.path.join(self._directory, "files"))
        for name, size in _FILES.items():
            with open(os.path.join(self._directory, "files", name), "wb") as file:
                file.write(random.randbytes(size))
        for name in ("web", "far"):
            self._serve(name)
        if not until(lambda: all(map(self._accepted, ("web", "far"))), 20):
            raise RuntimeError("nginx does not answer")

    def _serve(self, name):
        path = os.path.join(self._directory, f"{name}.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(_CONFIGURATION.format(directory=self._directory, name=name))
        self._servers.append(subprocess.Popen(self._town.hosts[name].namespace.argv("nginx", "-c", path),
                                              stdin=subprocess.DEVNULL, preexec_fn=die_with_parent))

    def _url(self, path):
        version, address = random.choice(self._town.targets("web") * 2 + self._town.targets("far"))
        return f"http://{f'[{address}]' if version == 6 else address}/{path}"

    async def run(self):
        await asyncio.gather(*(self._wrk(client, keepalive) for client in ("desk", "nat", "mobile")
                               for keepalive in (True, False)),
                             *(self._curl(client) for client in ("desk", "nat", "mobile")))

    async def _wrk(self, client, keepalive):
        """The delay between requests makes the rate: as many connections as make it with half of `most` on average."""
        most = 300
        script = os.path.join(self._directory, f"{client}-{keepalive}.lua")
        with open(script, "w", encoding="ascii") as file:
            file.write(_DELAY.format(most=most))
        connections = max(1, round(self._rate * (0.7 if keepalive else 1) * most / 2000))
        while True:
            words = ["wrk", "-t1", f"-c{connections}", f"-d{_RUN}s", "--timeout", "30s", "-s", script]
            if not keepalive:
                words += ["-H", "Connection: close"]
            text, _ = await self._program(client, *words, self._url(random.choice(("small", "small", "page"))))
            self._count(client, text)

    def _count(self, client, text):
        """wrk's own word on what went wrong."""
        done = re.search(r"(\d+) requests in", text)
        self._book.count["requests by wrk"] += int(done[1]) if done else 0
        broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
        if broken and (int(broken[2]) or int(broken[3])):
            self._book.problem(self._book.wrong_resets, f"wrk on {client}: {broken[0]}")
        elif broken or not done:
            self._book.problem(self._book.failures, f"wrk on {client}: {broken[0] if broken else text}")

    async def _curl(self, client):
        """One connection for several requests, or a new one each, or a large answer taken slowly."""
        while True:
            url = self._url("")
            words = random.choice((["--limit-rate", "40k", url + "large"], [url + "small", url + "page", url + "small"],
                                   ["--no-keepalive", "-H", "Connection: close", url + "page"], ["-0", url + "page"]))
            sinks = ["-o", "/dev/null"] * sum(word.startswith("http") for word in words)
            text, code = await self._program(client, "curl", "-sS", "--max-time", "120", *sinks, *words)
            self._book.count["runs of curl"] += 1
            if code:
                self._book.problem(self._book.wrong_resets if code in _RESET else self._book.failures,
                                   f"curl on {client}: exit {code} {text}")
            await asyncio.sleep(random.uniform(0.2, 2))

    async def _program(self, client, *words):
        process = await asyncio.create_subprocess_exec(
            *self._town.hosts[client].namespace.argv(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
        return output.decode(errors="replace"), process.returncode

    def accepted(self):
        """Connections that the two nginx have taken."""
        return sum(map(self._accepted, ("web", "far")))

    def _accepted(self, name):
        text = self._town.hosts[name].namespace.run("curl", "-s", "http://127.0.0.1/status", check=False).stdout
        found = re.search(r"accepts handled requests\s+(\d+)", text)
        return int(found[1]) if found else 0

    def close(self):
        cleanup.forget(self.close)
        for server in self._servers:
            server.terminate()
            server.wait()
        shutil.rmtree(self._directory, ignore_errors=True)
