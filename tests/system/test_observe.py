"""In observe mode the daemon records what it would have reset, and sends nothing."""

from harness import case, halfclosed
from harness.wait import until


class Observe(case.SystemTest):
    def assert_observed_only(self, settings, count):
        daemon = self.daemon(settings)
        idle = halfclosed.make(self.lab, count)
        self.closing(h.pair for h in idle)
        self.assertEqual(halfclosed.become(self.lab, idle, halfclosed.OPEN, 2), [])

        until(lambda: daemon.stats()["resets.observed"] >= count, 10, interval=0.2)

        stats = daemon.stats()
        self.assertEqual((stats["resets.observed"], stats["resets.sent"]), (count, 0))
        self.assertEqual(halfclosed.not_in(self.lab, idle, halfclosed.OPEN), [])
        # Still there and still known: an operator can look at what would have been reset.
        self.assertEqual(len(daemon.flows("state", "fin-wait-2")), count)

    def test_200_idle_half_closed_connections_stay_and_are_counted_when_the_policy_says_observe(self):
        self.assert_observed_only({"timeouts": {"fin_wait_2": "2s", "on_expiry": "observe"}}, 200)

    def test_mode_observe_overrides_a_policy_that_says_reset(self):
        self.assert_observed_only({"mode": "observe", "timeouts": {"fin_wait_2": "2s", "on_expiry": "reset"}}, 20)


if __name__ == "__main__":
    case.main()
