"""A restart loses no knowledge: what was tracked at a clean stop is tracked after the start, and its time goes on."""

import os
import time

from harness import case, compare, halfclosed
from harness.load import BulkTransfer, ConnectStorm
from harness.sockets import open_both_versions, open_pairs
from harness.ss import endpoint_text
from harness.wait import PATIENCE, patiently, until

PATIENT = {"timeouts": {"fin_wait_2": "10m"},
           "policy": [{"name": "servers", "match": "closer server", "fin_wait_2": "20m"}]}


class Restart(case.SystemTest):
    client_addresses = 32

    def restart(self, daemon, down=0.0):
        """Stops it and starts it again; returns what the second one has logged."""
        self.assertEqual(daemon.stop(), 0, daemon.log())
        time.sleep(down)
        return self.start(daemon)

    @staticmethod
    def start(daemon):
        before = len(daemon.log())
        daemon.start()
        return daemon.log()[before:]

    def half_closed(self, daemon, count):
        idle = halfclosed.make(self.lab, count)
        self.closing(h.pair for h in idle)
        self.assertEqual(halfclosed.become(self.lab, idle, halfclosed.OPEN, 5), [])
        self.assertTrue(until(lambda: len(daemon.flows("state", "fin-wait-2")) == count, 5))
        return idle


class Knowledge(Restart):
    def test_1000_half_closed_and_1000_established_connections_are_listed_the_same_before_and_after(self):
        for packets in ("selective", "all"):
            with self.subTest(packets=packets):
                self.lab.gateway.run("conntrack", "-F")
                daemon = self.daemon({**PATIENT, "intercept": {"packets": packets}})
                established = open_both_versions(self.lab, 1000)
                idle = self.half_closed(daemon, 1000)
                self.closing(established)
                begun, before = time.monotonic(), daemon.flows()
                log = self.restart(daemon, down=1.0)
                after, passed = daemon.flows(), time.monotonic() - begun
                self.assertEqual(len(before), 2000)
                self.assertIn("2000 flows kept in", daemon.log())
                self.assertRegex(log, r"2000 flows taken over from .* \(stopped [12]\.\d s ago\)")
                self.assert_same(before, after, passed)
                self.assertFalse(os.path.exists(daemon.state))
                self.assertEqual(daemon.stats()["flows.half_closed"], 1000)
                for pair in established[:50]:
                    pair.talk()
                for h in idle[:50]:
                    h.pair.end(h.holder).sendall(b"x")
                daemon.close()
                for pair in (*established, *(h.pair for h in idle)):
                    pair.close()

    def assert_same(self, before, after, passed):
        """`passed`: seconds between the two lists; what tells a time may differ by as much."""
        after = {flow["id"]: flow for flow in after}
        for was in before:
            now = after.pop(was["id"])
            for name in ("client", "server", "closer", "policy", "phase", "adopted"):
                self.assertEqual(now[name], was[name], was)
            for name, direction in (("age_s", 1), ("idle_s", 1), ("expires_in_s", -1)):
                if was[name] is None or now[name] is None:
                    self.assertEqual(now[name], was[name], name)
                else:
                    self.assertAlmostEqual((now[name] - was[name]) * direction, passed, delta=1.0, msg=name)
        self.assertEqual(after, {})

    def test_a_connection_that_goes_on_during_the_restart_is_not_ended_and_is_learnt_anew(self):
        daemon = self.daemon({"timeouts": {"fin_wait_2": patiently(3), "on_expiry": "reset", "probe_interval": "1s"}})
        idle = [h for h in self.half_closed(daemon, 40) if h.how == "shutdown"]
        self.assertEqual(daemon.stop(), 0)
        for h in idle:
            h.pair.end(h.holder).sendall(bytes(3000))
        time.sleep(2.5 * PATIENCE)
        daemon.start()
        for h in idle:
            self.assertEqual(len(h.pair.end(h.closer).recv(3000)), 3000)
        time.sleep(1.0 * PATIENCE)  # their time by what the daemon knew is up, and both sides have been asked
        self.assertEqual(halfclosed.not_in(self.lab, idle, halfclosed.OPEN), [])
        self.assertEqual(halfclosed.become(self.lab, idle, halfclosed.GONE, 8), [])
        self.assertTrue(until(lambda: not daemon.flows("state", "fin-wait-2"), 5))
        self.assertEqual(daemon.stats()["resets.unconfirmed"], 0)


    def test_what_ended_during_the_restart_is_not_listed_as_open(self):
        # conntrack tracks only as long as a rule asks for it, and finwaitd's are gone meanwhile.
        stateful = "FORWARD", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT"
        for tool in ("iptables", "ip6tables"):
            self.lab.gateway.run(tool, "-A", *stateful)
            self.addCleanup(self.lab.gateway.run, tool, "-D", *stateful)
        for packets in ("selective", "all"):
            with self.subTest(packets=packets):
                daemon = self.daemon({"intercept": {"packets": packets}})
                pairs = open_both_versions(self.lab, 40)
                self.assertTrue(until(lambda: len(daemon.flows("state", "established")) == 40, 5))
                self.assertEqual(daemon.stop(), 0)
                for pair in pairs:
                    pair.close()
                self.assertIn("40 flows taken over", self.start(daemon))
                until(lambda: not daemon.flows("state", "established"), 8)
                left = daemon.flows("state", "established")
                daemon.close()
                self.lab.gateway.run("conntrack", "-F")
                self.assertEqual(left, [])


class Timers(Restart):
    def ended_at_its_time(self, on_expiry):
        """Stopped at 3 s of 8, or as many times as much: how long after its last progress each was gone."""
        daemon = self.daemon({"timeouts": {"fin_wait_2": patiently(8), "on_expiry": on_expiry, "probe_interval": "1s",
                                           "probe_attempts": 3, "alive_max": patiently(8)}})
        idle = self.half_closed(daemon, 100)
        begun = time.monotonic()
        time.sleep(3 * PATIENCE)
        self.restart(daemon, down=0.5)
        self.assertEqual(len(daemon.flows("state", "fin-wait-2")), 100)
        time.sleep(max(0.0, begun + 7 * PATIENCE - time.monotonic()))
        self.assertEqual(halfclosed.not_in(self.lab, idle, halfclosed.OPEN), [])
        self.assertEqual(halfclosed.become(self.lab, idle, halfclosed.GONE, 4), [])
        took = time.monotonic() - begun
        self.assertTrue(until(lambda: daemon.stats()["resets.confirmed"] == 100, 5), daemon.stats())
        self.assertEqual(daemon.stats()["resets.unconfirmed"], 0)
        print(f"\n  gone from both ends {took:.1f} s after the last progress, all 100 confirmed ... ", end="")
        self.assertLess(took, 10 * PATIENCE)

    def test_a_half_close_is_reset_at_its_time_by_reset(self):
        self.ended_at_its_time("reset")

    def test_a_half_close_is_reset_at_its_time_by_probe(self):
        self.ended_at_its_time("probe")

    def test_a_connection_that_vanished_during_the_restart_is_found_out(self):
        daemon = self.daemon({"timeouts": {"fin_wait_2": patiently(2)}})
        idle = [h for h in self.half_closed(daemon, 24) if h.how == "shutdown"]
        self.assertEqual(daemon.stop(), 0)
        holes = [self.drop_at_gateway(tool) for tool in ("iptables", "ip6tables")]
        for h in idle:
            h.pair.end(h.holder).close()  # with an answer that never arrives
        for h in idle:
            end = h.pair.key if h.holder == "server" else h.pair.key.turned()
            host = self.lab.server if h.holder == "server" else self.lab.client
            host.run("ss", "-K", "dst", endpoint_text(end.address, end.port))
        for undo in holes:
            undo()
        daemon.start()
        self.assertEqual(halfclosed.become(self.lab, idle, halfclosed.GONE, 10), [])

    def drop_at_gateway(self, tool):
        self.lab.gateway.run(tool, "-I", "FORWARD", "-p", "tcp", "-j", "DROP")
        return lambda: self.lab.gateway.run(tool, "-D", "FORWARD", "-p", "tcp", "-j", "DROP")


class Refusals(Restart):
    """Each file that is of no use is refused with its reason, conntrack's word taken instead, and no connection notices."""

    def setUp(self):
        super().setUp()
        self.started = self.daemon({"intercept": {"queues": 2}})
        self.pairs = self.closing(open_both_versions(self.lab, 20))
        closed = [halfclosed.HalfClosed(pair, "client", "shutdown") for pair in self.pairs[:10]]
        # By ss as well, so that nothing of them passes any more and is heard before conntrack is asked.
        self.assertEqual(halfclosed.become(self.lab, closed, halfclosed.OPEN, 5), [])
        self.assertTrue(until(lambda: len(self.started.flows("state", "fin-wait-2")) == 10, 5))
        self.assertEqual(self.started.stop(), 0)

    def assert_adopts(self, reason=None):
        log = self.start(self.started)
        if reason:
            self.assertRegex(log, rf"{self.started.state} is not used: {reason}")
            print(f"\n  {log[log.index('is not used'):].splitlines()[0]} ... ", end="")
        else:
            self.assertNotRegex(log, r"state is not used| error: |taken over")
        self.assertTrue(until(lambda: "adopted 20 connections from conntrack, 10 of them half-closed" in
                              self.started.log(), 5), self.started.log())
        flows = self.started.flows()
        self.assertEqual({flow["adopted"] for flow in flows}, {True})
        self.assertEqual({compare.flow_key(flow) for flow in flows if flow["closer"] == "client"},
                         {pair.key for pair in self.pairs[:10]})
        for pair in self.pairs[10:]:
            pair.talk()
        for pair in self.pairs[:10]:
            pair.server.sendall(b"late")
            self.assertEqual(pair.client.recv(16), b"late")

    def content(self):
        with open(self.started.state, "rb") as file:
            return bytearray(file.read())

    def replace(self, content):
        with open(self.started.state, "wb") as file:
            file.write(content)

    def test_the_file_is_for_its_owner_only(self):
        self.assertEqual(os.stat(self.started.state).st_mode & 0o777, 0o600)
        self.assertEqual(os.listdir(self.started.directory).count("state.new"), 0)

    def test_a_file_that_is_deleted_is_nothing_wrong(self):
        os.unlink(self.started.state)
        self.assert_adopts()

    def test_a_truncated_file(self):
        self.replace(self.content()[:-100])
        self.assert_adopts("it is cut off or damaged")

    def test_a_flipped_bit(self):
        content = self.content()
        content[len(content) // 2] ^= 4
        self.replace(content)
        self.assert_adopts("it is damaged: its checksum is wrong")

    def test_another_boot(self):
        content = self.content()
        at = content.index(open("/proc/sys/kernel/random/boot_id", "rb").read().strip())
        content[at:at + 8] = b"00000000"
        self.replace(content[:-4] + crc32c(content[:-4]).to_bytes(4, "little"))
        self.assert_adopts("it was not written since this boot")

    def test_another_number_of_queues(self):
        self.started.configure({"intercept": {"queues": 1}})
        self.assert_adopts("it was written with queues 0 to 1, and now there is queue 0")

    def test_another_backend(self):
        other = "auto" if os.environ.get("FINWAITD_BACKEND") == "iptables" else "iptables"
        self.started.configure({"intercept": {"queues": 2, "backend": other}})
        self.assert_adopts("intercept.backend or intercept.spread has changed")

    def test_a_foreign_file_is_left_alone(self):
        self.replace(b"dear diary")
        self.assert_adopts("it is not a state file of finwaitd")
        self.assertEqual(self.started.stop(), 0)
        self.assertIn("could not be written", self.started.log())
        self.assertEqual(self.content(), b"dear diary")

    def test_no_directory_is_a_note_and_no_failure(self):
        os.unlink(self.started.state)
        self.started.configure({"state": {"file": os.path.join(self.started.directory, "nowhere", "state")}})
        log = self.start(self.started)
        self.assertRegex(log, r" warning: connections are not kept over a restart: there is no directory")
        self.assertEqual(self.started.stop(), 0)


class UnderLoad(Restart):
    def test_ten_restarts_under_load_fail_no_connection(self):
        daemon = self.daemon()
        storm = ConnectStorm(self.lab, rate=1000)
        bulks = [BulkTransfer(open_pairs(self.lab, 1, version)[0]) for version in (4, 6)]
        begun = time.monotonic()
        for _ in range(10):
            time.sleep(1.0)
            self.assertIn("flows taken over from", self.restart(daemon))
        time.sleep(1.0)
        rate = storm.done / (time.monotonic() - begun)
        errors = [error for load in (*bulks, storm) for error in load.finish()]
        self.assertEqual(errors[:10], [])
        print(f"\n  10 restarts, {storm.started} connections begun ({rate:.0f} a second), {storm.done} done,"
              f" {len(errors)} failed, and {sum(b.received for b in bulks) >> 20} MiB, none disturbed ... ", end="")


def crc32c(octets):
    crc = 0xFFFFFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


if __name__ == "__main__":
    case.main()
