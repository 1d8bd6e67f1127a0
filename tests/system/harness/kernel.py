"""What the kernel offers beyond what every system test needs. Each says, by skipping the test, what is missing."""

import unittest


def _needs(what, lab, *argv, stdin=None):
    done = lab.gateway.run(*argv, stdin=stdin, check=False)
    if done.returncode != 0:
        raise unittest.SkipTest(f"this kernel has no {what}: {argv[0]}: {' '.join(done.stderr.split())[:200]}")


def _needs_nft(what, lab, *lines):
    try:
        _needs(what, lab, "nft", "-f", "-", stdin="\n".join(["add table inet attempt", *lines]) + "\n")
    finally:
        lab.gateway.run("nft", "delete", "table", "inet", "attempt", check=False)


_FORWARD = "add chain inet attempt a { type filter hook forward priority 0; }"


def needs_nft_queue(lab):
    _needs_nft("queue for nftables", lab, _FORWARD, "add rule inet attempt a meta l4proto tcp queue flags bypass to 9")


def needs_flowtable(lab):
    _needs_nft("flowtables", lab, _FORWARD,
               "add flowtable inet attempt f { hook ingress priority 0; devices = { to-client }; }",
               "add rule inet attempt a meta l4proto tcp flow add @f")


def needs_netem(lab):
    try:
        _needs("netem", lab, "tc", "qdisc", "add", "dev", "to-client", "root", "netem", "delay", "1ms")
    finally:
        lab.gateway.run("tc", "qdisc", "del", "dev", "to-client", "root", check=False)


def needs_time_namespaces_by_exec(lab):
    """Before Linux 6.2 a program that was started by unshare stays between two of them, and may have no threads."""
    _needs("threads after unshare --time", lab, "unshare", "--time", "--monotonic", "1", "/usr/bin/python3", "-c",
           "import threading; threading.Thread(target=int).start()")
