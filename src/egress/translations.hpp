// What is known of how NAT translates the flows that are being acted on. A flow's ends go on knowing each
// other by the same addresses as long as it lives, also when conntrack has forgotten it. Bounded: what has
// not been asked for longest is forgotten.
#pragma once

#include "engine/report.hpp"
#include "flow/translation.hpp"
#include "tcp/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace finwait::egress {

class Translations {
  public:
    enum class State : std::uint8_t {
        unknown,
        sought,   // being looked for
        checked,  // found, and whether another connection has the same ends is being looked for
        none,     // conntrack knows no such connection
        found,
    };
    struct Entry {
        State state = State::unknown;
        Instant since;
        flow::Translation translation;  // with State::found
        /// A socket of this machine has been found by the names of the forward hook: they are those that it
        /// knows.
        bool socket_found = false;
    };
    /// How many flows are kept in each of the two halves, of which the older one is given up as a whole.
    static constexpr std::size_t kHalf = 32768;
    /// conntrack may come to know a flow when its next segment passes.
    static constexpr Duration kNoneLasts = std::chrono::minutes(1);

    [[nodiscard]] Entry of(Instant now, engine::FlowId flow);
    /// That a socket has been found once is not forgotten by that.
    void set(engine::FlowId flow, const Entry& entry);
    void note_socket(Instant now, engine::FlowId flow);
    void forget(engine::FlowId flow);
    [[nodiscard]] std::size_t size() const { return young_.size() + old_.size(); }

  private:
    struct Hash {
        std::size_t operator()(engine::FlowId id) const {
            return std::hash<std::uint64_t>()(static_cast<std::uint64_t>(id.generation) << 32U | id.slot);
        }
    };
    using Half = std::unordered_map<engine::FlowId, Entry, Hash>;

    Half young_;
    Half old_;
};

}  // namespace finwait::egress
