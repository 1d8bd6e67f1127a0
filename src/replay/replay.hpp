// A capture through the engine in virtual time: the packets' time stamps are the clock, and the engine only
// records what it would reset. What it sees is what the daemon would have seen with `packets = "all"`.
#pragma once

#include "engine/engine.hpp"
#include "replay/capture.hpp"
#include "replay/recorder.hpp"

#include <array>
#include <cstdint>

namespace finwait::replay {

struct Options {
    policy::PolicySet policies;
    std::uint32_t max_flows = 1'000'000;  // at once, and in the result; at least 1, below 2^24
};

inline constexpr std::size_t kParseErrors = 6;

struct Counts {
    std::uint64_t packets = 0;
    std::uint64_t tcp = 0;                             // read as segments
    std::array<std::uint64_t, kParseErrors> unread{};  // by tcp::ParseError
    std::uint64_t invalid = 0;    // segments that fail the window test or contradict the state
    std::uint64_t untracked = 0;  // segments of flows for which there was no room
    std::uint64_t left_out = 0;   // flows past the limit
    std::uint64_t backwards = 0;  // packets stamped earlier than one before them

    /// Packets of other protocols.
    [[nodiscard]] std::uint64_t not_tcp() const;
    /// Packets that are TCP, or may be, and could not be read.
    [[nodiscard]] std::uint64_t refused() const;
};

class Replay {
  public:
    explicit Replay(Options options);

    /// Reads the capture to its end, or to where it is broken. Call it once.
    void run(Capture& capture);

    [[nodiscard]] const std::deque<Flow>& flows() const { return recorder_.flows(); }
    [[nodiscard]] Counts counts() const;
    [[nodiscard]] const policy::PolicySet& policies() const { return engine_.policies(); }
    /// The last packet's time.
    [[nodiscard]] Instant end() const { return now_; }

  private:
    void take(const Packet& packet, int link_type);
    void pass_time(Instant until);

    Recorder recorder_;
    engine::Engine engine_;
    engine::Actions actions_;
    Instant now_;
    Counts counts_;
};

}  // namespace finwait::replay
