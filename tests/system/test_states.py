"""What finwaitctl lists is what the endpoints' own kernels say, side by side."""

from harness import case, compare, ss
from harness.sockets import open_both_versions, outcome
from harness.wait import until

# who closes, in order, and the states (client's, server's) that this leads to
LIVES = {
    (): ("established", "established"),
    ("client",): ("fin-wait-2", "close-wait"),
    ("server",): ("close-wait", "fin-wait-2"),
    ("client", "server"): ("time-wait", "closed"),
    ("server", "client"): ("closed", "time-wait"),
}


class States(case.SystemTest):
    def live(self, closers, how, count):
        """Opens connections and closes their sides in the given order, each after the other's FIN has arrived."""
        pairs = self.closing(open_both_versions(self.lab, count))
        for closer in closers:
            for pair in pairs:
                pair.finish(closer, how)
            other = "server" if closer == "client" else "client"
            for pair in pairs:
                until(lambda p=pair: outcome(p.end(other)) != "waiting", 5)
        return pairs

    def assert_list_agrees_with_ss(self, packets):
        daemon = self.daemon({"intercept": {"packets": packets}, "timeouts": {"fin_wait_2": "10m"}})
        expected = {}
        for closers, states in LIVES.items():
            for how in ("shutdown", "close") if closers else (None,):
                for pair in self.live(closers, how, 12):
                    expected[pair.key] = states
        until(lambda: self.real(expected) == expected, 5)
        self.assertEqual(self.real(expected), expected, "the sockets are not where the test wants them")

        until(lambda: compare.against_ss(daemon, expected).all_agree(), 5)
        comparison = compare.against_ss(daemon, expected)
        self.assert_agrees(comparison)
        self.assertEqual(comparison.agreed, 2 * len(expected))
        self.assert_closers_are_named(daemon)
        return daemon

    def real(self, keys):
        client, server = ss.table(self.lab.client), ss.table(self.lab.server)
        return {key: (client.get(key, "closed"), server.get(key.turned(), "closed")) for key in keys}

    def assert_closers_are_named(self, daemon):
        for flow in daemon.flows():
            states = flow["client"]["state"], flow["server"]["state"]
            closer = {LIVES["client",]: "client", LIVES["server",]: "server"}.get(states)
            self.assertEqual(flow["closer"], closer, flow)

    def test_the_list_agrees_with_ss_at_both_ends_in_selective_mode(self):
        self.assert_list_agrees_with_ss("selective")

    def test_the_list_agrees_with_ss_at_both_ends_when_all_packets_are_seen(self):
        self.assert_list_agrees_with_ss("all")

    def test_sides_that_close_at_the_same_time_are_listed_as_ss_has_them(self):
        daemon = self.daemon()
        pairs = self.closing(open_both_versions(self.lab, 100))
        for pair in pairs:
            pair.close()
        keys = [pair.key for pair in pairs]
        quiet = {("time-wait", "time-wait"), ("time-wait", "closed"), ("closed", "time-wait")}
        until(lambda: set(self.real(keys).values()) <= quiet, 5)
        until(lambda: compare.against_ss(daemon, keys).all_agree(), 3)
        self.assert_agrees(compare.against_ss(daemon, keys))

    def test_filters_choose_flows_by_state_closer_address_and_port(self):
        daemon = self.daemon({"timeouts": {"fin_wait_2": "10m"}})
        idle = self.live((), None, 4)
        by_client, by_server = self.live(("client",), "shutdown", 6), self.live(("server",), "shutdown", 2)
        until(lambda: len(daemon.flows("state", "fin-wait-2")) == 8, 5)

        def chosen(*words):
            return {compare.flow_key(f) for f in daemon.flows(*words)}

        key = by_client[0].key
        self.assertEqual(chosen("state", "established"), {p.key for p in idle})
        self.assertEqual(chosen("closer", "client"), {p.key for p in by_client})
        self.assertEqual(chosen("client-state", "close-wait"), {p.key for p in by_server})
        self.assertEqual(chosen("client-port", str(key.port), "and", "client", f"{key.address}/32"), {key})
        self.assertEqual(chosen("closer client or (closer server and not port 1)"),
                         {p.key for p in by_client + by_server})


if __name__ == "__main__":
    case.main()
