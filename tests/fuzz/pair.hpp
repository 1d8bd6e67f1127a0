// What has passed between two endpoints, for judging what an engine claims of them: only what nobody can
// argue with.
#pragma once

#include "engine/report.hpp"
#include "input.hpp"
#include "tcp/segment.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace finwait::fuzz {

/// One end, and the numbers that a well-behaved one would go on with.
struct End {
    tcp::Endpoint endpoint;
    tcp::Seq next;
    std::vector<tcp::Seq> fins;               // the ends of its FINs, as they passed
    std::vector<tcp::Seq> ends;               // of all that it has sent
    std::vector<tcp::Seq> acks;               // everything that it has acknowledged
    std::vector<tcp::Seq> acknowledged_fins;  // of the peer's
};

struct Pair {
    std::array<End, 2> end;
    bool reported = false;  // the engine has been told of it by somebody else
    bool killed = false;
    std::optional<std::size_t> gone;  // which end has said so, and nothing since
    Instant last_progress;

    [[nodiscard]] std::size_t index_of(const tcp::Endpoint& e) const { return e == end[0].endpoint ? 0 : 1; }

    void note(std::size_t from, const tcp::Segment& s) {
        End& sender = end[from];
        const End& peer = end[1 - from];
        if (s.any(tcp::flag::ack)) {
            sender.acks.push_back(s.ack);
            if (std::ranges::find(peer.fins, s.ack) != peer.fins.end())
                sender.acknowledged_fins.push_back(s.ack);
        }
        sender.ends.push_back(s.end());
        if (s.any(tcp::flag::fin)) sender.fins.push_back(s.end());
    }

    void check(const engine::FlowReport& flow) const {
        if (reported) return;
        for (std::size_t i = 0; i < 2; ++i) {
            const bool is_client = flow.subject.client == end[i].endpoint;
            check(is_client ? flow.subject.client_state : flow.subject.server_state, end[i], end[1 - i]);
        }
    }

    /// A reset of ours towards one end, in the peer's name. Of what was reported the peer alone may
    /// have named the number, when the other end stays silent.
    void check_reset(const tcp::Segment& rst) const {
        const std::size_t at = index_of(rst.destination);
        require(rst.destination == end[at].endpoint, "a reset goes astray");
        const bool named = std::ranges::find(end[at].acks, rst.seq) != end[at].acks.end();
        const bool by_peer = std::ranges::find(end[1 - at].ends, rst.seq) != end[1 - at].ends.end();
        if (!named && !by_peer) std::fprintf(stderr, "%s\n", rst.text().c_str());
        require(named || (reported && by_peer), "a reset has a number that its receiver has never named");
    }

  private:
    static void check(tcp::State claim, const End& own, const End& peer) {
        using enum tcp::State;
        const bool sent_fin = claim == fin_wait_1 || claim == fin_wait_2 || claim == closing ||
                              claim == last_ack || claim == time_wait;
        const bool got_fin =
            claim == close_wait || claim == closing || claim == last_ack || claim == time_wait;
        const bool fin_acked = claim == fin_wait_2 || claim == time_wait;
        require(!sent_fin || !own.fins.empty(), "claimed to have sent a FIN that has not passed");
        require(!got_fin || !own.acknowledged_fins.empty(),
                "claimed to have got a FIN that it has not acknowledged");
        require(!fin_acked || !peer.acknowledged_fins.empty(),
                "claimed that a FIN has arrived that nobody acknowledged");
    }
};

}  // namespace finwait::fuzz
