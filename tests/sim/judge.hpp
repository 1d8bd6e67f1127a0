// Holds what the engine claims against what really happened. It knows each host's inside and every packet
// that passed, and nothing of the tracker's rules: no windows, no sequence tests. docs/simulator.md lists
// what is checked, and the exceptions with their reasons.
#pragma once

#include "endpoint.hpp"
#include "engine/engine.hpp"
#include "engine/notice.hpp"
#include "life.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace finwait::sim {

/// How much was checked, so that a run that checks nothing is seen.
struct Tally {
    std::uint64_t packets = 0;
    std::uint64_t claims = 0;       // sides compared after a packet
    std::uint64_t quiet = 0;        // sides compared with the truth at rest
    std::uint64_t half_closed = 0;  // packets after which the flow was called half-closed
    std::uint64_t forged = 0;
    std::uint64_t resets = 0;
    std::uint32_t claimed = 0;     // states that were claimed, as bits
    std::uint64_t excused = 0;     // sides at rest that nothing could have told the truth of
    std::uint64_t kept = 0;        // answers that were kept from their receiver
    std::uint64_t translated = 0;  // segments of the engine's that NAT gives another source
    std::uint64_t destroyed = 0;   // sockets that the gateway's kernel has ended
    /// What the engine was told of them, by engine::Notice's alternatives.
    std::array<std::uint64_t, std::variant_size_v<engine::Notice>> notices{};

    Tally& operator+=(const Tally& more);
};

/// What has passed of one side of one flow.
struct Passed {
    Incarnation own = kNone;
    std::optional<std::pair<tcp::State, tcp::State>> rested;  // claim and truth, as compared at rest
    bool heard = false;      // its SYN, or anything in a flow picked up midway
    bool fin = false;        // its FIN
    bool fin_acked = false;  // an acknowledgment of that, after the last copy of the FIN
    bool fin_acked_once = false;
    bool fin_crossed =
        false;  // a copy of its FIN has passed so late that it may have crossed that acknowledgment
    bool fin_covers = true;      // each copy of its FIN acknowledged the peer's
    bool got_fin = false;        // its acknowledgment of the peer's FIN
    bool syn_acked = false;      // an acknowledgment of its SYN
    bool mortal = false;         // an RST that may end it passed towards it
    bool unripe = false;         // such an RST was ahead of what the side had got by then
    bool guessed_ahead = false;  // a forged RST was ahead of what the side had got by then
    bool outrun = false;      // such an RST was exact by all that had passed of the side, which had got more
    bool doubtful = false;    // such an RST stood below data that had passed
    bool reset_lost = false;  // such an RST was lost behind the observer
    bool farewell_lost = false;  // an RST of its own was lost before the observer, or cannot be accepted
    bool echo_lost = false;      // what it said after such an RST was lost, or the answer to that
    bool numbered = false;
    bool acked = false;
    bool ack_queued = false;
    tcp::Seq end;  // of all that it sent
    tcp::Seq ack;
    tcp::Seq queued_ack;       // of what the engine saw
    std::uint16_t window = 0;  // with acked: as offered by its newest acknowledgment that has passed
};

class Judge {
  public:
    Judge(const Life& life, const engine::Engine& engine, const std::array<Endpoint, 2>& hosts);

    /// A packet of `sender` has passed the observer; the engine saw it if it was `queued`.
    void passed(Instant now, std::size_t sender, const Packet& packet, bool queued);
    void lost(std::uint8_t hop, const Packet& packet);
    /// The engine keeps a packet of `sender` from its receiver.
    void kept(Instant now, std::size_t sender, const Packet& packet);
    /// The engine resets `receiver`.
    void reaped(Instant now, std::size_t receiver, const tcp::Segment& rst);
    /// The engine has the socket at `host` ended by its kernel.
    void destroyed(Instant now, std::size_t host);
    void translated() { ++tally_.translated; }
    void noticed(const engine::Notice& notice) { ++tally_.notices[notice.index()]; }
    /// In selective mode segments of the flow pass unseen from now on.
    void blinded();
    void ticked(Instant now);
    /// Nothing is under way, and no host will send unasked before long.
    void quiet(Instant now);
    /// Days later.
    void ended(Instant now);
    void fail(Instant now, std::string_view what);

    [[nodiscard]] const std::string& verdict() const { return verdict_; }
    [[nodiscard]] const Tally& tally() const { return tally_; }
    [[nodiscard]] std::string claims_text() const;

  private:
    struct Flow {
        engine::FlowId id;
        bool known = false;  // in the engine's table
        bool adopted = false;
        bool foreign = false;   // begun by a forged segment
        bool confused = false;  // a forged SYN has passed while the connection was opening
        bool tainted =
            false;  // selective mode: the engine has seen a segment of somebody else, or of an older life
        bool reset = false;  // an RST has passed
        bool ended_by_us = false;
        bool resetting = false;  // our RSTs are out, and the engine waits for what comes back
        std::array<Passed, 2> side;
        std::array<tcp::State, 2> claim{};
        std::array<engine::SideReport, 2> numbers;
        Instant last_progress;
        Instant last_seen;
        std::array<Instant, 2> spoke{};  // when the engine last saw anything of each side
    };

    // judge.cpp
    void look(Instant now);
    void begin_flow(std::size_t sender, const Packet& packet);
    void begin_side(std::size_t sender, const Packet& packet);
    [[nodiscard]] bool answers_another(const Flow& before, std::size_t sender, const Packet& packet) const;
    void begin_answered(std::size_t sender, const Packet& packet);
    void note(Instant now, std::size_t sender, const Packet& packet, bool queued);
    void note_numbers(Instant now, std::size_t sender, const tcp::Segment& s);
    static void note_fin_acked(Passed& from, Passed& to);
    void settle_confusion(const Packet& packet);
    void check_gauges(Instant now);
    void check_forgery(Instant now, const Flow& before, const Packet& packet);
    void check_signed(Instant now, const Flow& before, std::size_t sender, const Packet& packet);
    void check_unchanged(Instant now, const Flow& before, const tcp::Segment& s);
    [[nodiscard]] const Facts* facts(std::size_t host) const;
    [[nodiscard]] bool gone(std::size_t host) const;

    // judge_resets.cpp
    void note_reset(std::size_t sender, const Packet& packet);
    void check_use(Instant now);
    [[nodiscard]] bool is_this(std::size_t host) const;

    // judge_claims.cpp
    void check_claims(Instant now);
    void check_claim(Instant now, std::size_t host);
    void check_exactness(Instant now, std::size_t host);
    void check_half_closed(Instant now);
    void check_rest(Instant now, std::size_t host);
    [[nodiscard]] bool excused(std::size_t host, tcp::State truth) const;
    void fail(Instant now, std::size_t host, std::string_view what);

    const engine::Engine& engine_;
    const std::array<Endpoint, 2>& hosts_;
    bool selective_;
    Duration fin_wait_2_;
    Flow flow_;
    std::vector<engine::FlowReport> reports_;
    policy::Filter everything_;
    bool blinded_ = false;
    std::string verdict_;
    Tally tally_;
};

}  // namespace finwait::sim
