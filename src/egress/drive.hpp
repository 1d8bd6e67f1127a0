// Carries a machine's actions out until it asks for nothing more. The daemon, the simulator and the fuzzer
// each bring a `perform` of their own.
#pragma once

#include "egress/machine.hpp"

namespace finwait::egress {

/// `perform` takes an Action and returns its Answer. REQUIRES: `actions` are what the machine has just
/// returned.
template<typename Perform>
void drive(Machine& machine, Instant now, Machine::Actions actions, Perform&& perform) {
    for (;;) {
        Answer answer;
        for (const Action& action : actions)
            answer = perform(action);
        if (!machine.asks()) return;
        actions = machine.resume(now, answer);
    }
}

}  // namespace finwait::egress
