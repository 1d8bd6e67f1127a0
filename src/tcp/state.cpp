#include "tcp/state.hpp"

#include <algorithm>

namespace finwait::tcp {

std::optional<State> parse_state(std::string_view text) {
    const auto* found = std::find(kStateNames.begin(), kStateNames.end(), text);
    if (found != kStateNames.end()) return static_cast<State>(found - kStateNames.begin());
    if (text == "estab") return State::established;
    if (text == "syn-received") return State::syn_received;
    if (text == "listening") return State::listen;
    return std::nullopt;
}

}  // namespace finwait::tcp
