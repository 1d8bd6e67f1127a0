"""A half-closed connection that is in use is never touched, however long it takes."""

import time

from harness import case
from harness.living import Pump, Stream
from harness.sockets import open_both_versions


class Living(case.SystemTest):
    def test_50_half_closes_with_a_byte_a_second_outlive_a_3_second_timeout_for_15_seconds(self):
        daemon = self.daemon({"timeouts": {"fin_wait_2": "3s", "on_expiry": "reset"}})
        pairs = open_both_versions(self.lab, 50)
        streams = [Stream(pair, ("client", "server")[i // 2 % 2]) for i, pair in enumerate(pairs)]
        pump = Pump(streams)
        time.sleep(15)
        self.assertEqual([str(s) for s in pump.finish()], [])
        self.assertGreaterEqual(min(s.received for s in streams), 15)
        self.assertEqual(daemon.stats()["resets.sent"], 0)


if __name__ == "__main__":
    case.main()
