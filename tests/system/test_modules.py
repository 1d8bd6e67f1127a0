"""The kernel's modules: what a start says when they are missing and cannot be loaded, that it works once those of
modules-load.d are there, and that it loads them itself where it can. Unloads modules: only on a machine of its own."""

import os
import pathlib
import unittest

from harness import case, firewall, halfclosed
from harness.command import run
from harness.daemon import Daemon, binary
from harness.sockets import open_both_versions
from harness.wait import until

LOADER = pathlib.Path("/proc/sys/kernel/modprobe")
LIST = pathlib.Path(__file__).parents[2] / "systemd/modules-load.d/finwaitd.conf"
# In the order in which they can be unloaded.
QUEUES = ("nft_queue", "xt_NFQUEUE", "nfnetlink_queue")


def loaded():
    return {line.split()[0] for line in pathlib.Path("/proc/modules").read_text(encoding="ascii").splitlines()}


@unittest.skipUnless(os.environ.get("FINWAITD_OWN_MACHINE"), "unloads modules of the kernel: only in scripts/test-vm")
class Modules(case.SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # All else that rules need is loaded now: the tests are of the queues.
        for backend in ("nftables", "iptables"):
            with Daemon(cls.lab, {"intercept": {"backend": backend}}):
                pass

    def setUp(self):
        super().setUp()
        loader = LOADER.read_text(encoding="ascii")
        self.addCleanup(LOADER.write_text, loader, encoding="ascii")
        # Namespaces of earlier tests hold them for a moment longer.
        self.assertTrue(until(self.unloaded, 10), loaded())

    @staticmethod
    def unloaded():
        for module in QUEUES:
            run("rmmod", module, check=False)
        return not loaded() & set(QUEUES)

    def none_can_be_loaded(self):
        LOADER.write_text("/bin/false", encoding="ascii")

    def refused(self, backend):
        """How a start ends, and what it says."""
        daemon = self.daemon({"intercept": {"backend": backend}}, start=False)
        done = self.lab.gateway.run(binary("finwaitd"), "--config", daemon.config, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(firewall.own_rules(self.lab), [])
        return done.stdout + done.stderr

    def assert_works(self, backend):
        daemon = self.daemon({"timeouts": halfclosed.RESETTING, "intercept": {"backend": backend}})
        made = halfclosed.make(self.lab, 4)
        self.closing(h.pair for h in made)
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.GONE, 10), [], daemon.log())
        self.assertEqual(daemon.stop(), 0)
        return daemon.log()

    def test_without_nfnetlink_queue_it_says_what_to_load(self):
        self.none_can_be_loaded()
        for backend in ("auto", "nftables", "iptables"):
            self.assertRegex(self.refused(backend), "this kernel does not offer NFQUEUE.*modprobe nfnetlink_queue", backend)

    def test_without_what_the_rules_need_it_says_what_to_load_for_either_tool(self):
        run("modprobe", "nfnetlink_queue")
        self.none_can_be_loaded()
        self.assertRegex(self.refused("nftables"), "modprobe nft_queue")
        self.assertRegex(self.refused("iptables"), "modprobe -a xt_NFQUEUE")
        self.assertRegex(self.refused("auto"), "(?s)modprobe nft_queue.*modprobe -a xt_NFQUEUE")

    def test_without_nft_queue_it_takes_iptables_and_says_so(self):
        run("modprobe", "-a", "nfnetlink_queue", "xt_NFQUEUE")
        self.none_can_be_loaded()
        self.assertRegex(self.assert_works("auto"), "nftables cannot be used, iptables is used instead")

    def test_with_those_of_modules_load_d_nothing_more_has_to_be_loaded(self):
        names = [line for line in LIST.read_text(encoding="ascii").splitlines() if line and not line.startswith("#")]
        self.assertLessEqual(set(QUEUES), set(names))
        for name in names:  # as systemd-modules-load does
            run("modprobe", name)
        self.assertLessEqual(set(QUEUES), loaded())
        self.none_can_be_loaded()
        self.assert_works("nftables")
        self.assert_works("iptables")

    def test_where_the_kernel_can_load_them_itself_a_start_has_it_do_so(self):
        pairs = self.closing(open_both_versions(self.lab, 4))
        self.assert_works("nftables")
        self.assertLessEqual({"nft_queue", "nfnetlink_queue"}, loaded())
        for pair in pairs:
            pair.talk()


if __name__ == "__main__":
    case.main()
