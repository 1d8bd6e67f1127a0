#include "reaper/probe.hpp"

#include "tcp/report.hpp"

#include <algorithm>

namespace finwait::reaper {

namespace {

using flow::Record;
using tcp::Role;

constexpr std::uint32_t kHalf = UINT32_C(1) << 31U;

tcp::Segment in_the_peers_name(const Record& record, Role target) {
    tcp::Segment s;
    s.source = record.endpoint(other(target));
    s.destination = record.endpoint(target);
    s.ack = record.connection.of(other(target)).ack;
    return s;
}

}  // namespace

bool guesses(const Record& record, Role target) {
    const tcp::Connection& c = record.connection;
    if (std::ranges::any_of(c.side, [](const tcp::Side& s) { return s.ack_basis == tcp::Basis::unknown; }))
        return true;
    return tcp::report_open(c) && c.of(other(target)).is_doubtful();
}

tcp::Segment probe_towards(const Record& record, Role target) {
    const tcp::Side& side = record.connection.of(target);
    const tcp::Side& peer = record.connection.of(other(target));
    tcp::Segment probe = in_the_peers_name(record, target);
    probe.flags = tcp::flag::ack;
    probe.seq = side.ack - 1;
    probe.window = peer.window;
    // Where only the peer has been heard, its numbers are the best there are.
    if (tcp::report_open(record.connection) && !peer.is_doubtful()) probe.seq = peer.next - 1;
    // A number that was made up may by chance lie in the window, and draw nothing; half the space away it
    // does not.
    if (guesses(record, target) && record.reaping.of(target).probes % 2 == 0) probe.seq = probe.seq + kHalf;
    // Timestamps from before a gap may be too old, also where the numbers are proven by what the other side
    // says: Linux drops such a segment without a word (RFC 7323 section 5.3). One without any is answered,
    // but not by every stack: so every other attempt goes without.
    const bool doubtful = peer.ts_basis != tcp::Basis::heard && record.reaping.of(target).probes % 2 == 0;
    if (side.timestamps && peer.timestamps && !doubtful) {
        probe.options = tcp::option::timestamps;
        probe.ts_value = peer.ts_value;
        probe.ts_echo = side.ts_value;
    }
    return probe;
}

tcp::Segment near_miss_towards(const Record& record, Role target) {
    tcp::Segment rst = in_the_peers_name(record, target);
    rst.flags = tcp::flag::rst;
    rst.seq = record.connection.of(target).ack + 1;
    rst.ack = tcp::Seq();
    return rst;
}

Answer answer_of(const Record& record, Role from, const tcp::Segment& s) {
    const flow::Inquiry& inquiry = record.reaping.of(from);
    const tcp::Side& side = record.connection.of(from);
    const tcp::Side& peer = record.connection.of(other(from));
    const tcp::Seq number = inquiry.guessed ? inquiry.number : peer.ack;
    if (s.any(tcp::flag::rst)) return inquiry.outstanding && s.seq == number ? Answer::rst : Answer::none;
    const bool bare = s.any(tcp::flag::ack) && !s.any(tcp::flag::syn | tcp::flag::fin) && s.length == 0;
    if (!bare || s.seq != side.next) return Answer::none;
    const bool reset = inquiry.target && !inquiry.rst_unsent;
    const bool after_rst = record.reaping.phase == flow::Phase::confirming && reset;
    return inquiry.outstanding || after_rst ? Answer::ack : Answer::none;
}

}  // namespace finwait::reaper
