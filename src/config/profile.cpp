#include "config/profile.hpp"

namespace finwait::config {
namespace {

using policy::OrphanTest;
using policy::Timeouts;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// A connection is asked late and patiently, and never ended while both of its sides answer.
Timeouts conservative() {
    Timeouts t;
    t.fin_wait_2 = hours(1);
    t.probe_interval = seconds(30);
    t.probe_attempts = 10;
    t.alive_max = policy::kOff;
    t.orphan_test = OrphanTest::passive;
    return t;
}

/// For hosts that run out of sockets: it is asked soon, and ended half an hour later even if both sides
/// answer. It is forgotten soon, too, but not between two retransmissions of a FIN: Linux waits two minutes
/// at most.
Timeouts aggressive() {
    Timeouts t;
    t.fin_wait_1 = minutes(2);
    t.fin_wait_2 = seconds(30);
    t.closing = minutes(2);
    t.probe_interval = seconds(5);
    t.probe_attempts = 3;
    t.alive_max = minutes(30);
    t.orphan_test = OrphanTest::active;
    return t;
}

}  // namespace

Timeouts preset(Profile profile) {
    switch (profile) {
        case Profile::conservative: return conservative();
        case Profile::normal: break;
        case Profile::aggressive: return aggressive();
    }
    return {};
}

}  // namespace finwait::config
