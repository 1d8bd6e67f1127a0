// What segments, ICMP errors and this machine's own sockets say to the reaper, and which answers go no
// further than here.

#include "reaper/probe.hpp"
#include "reaper/stages.hpp"
#include "tcp/tracker.hpp"

namespace finwait::reaper {

namespace {

using flow::Evidence;
using flow::Inquiry;
using flow::Phase;
using flow::Record;
using tcp::Role;

/// A socket's counter passes 0 as well, but not twice in two answers with nothing else in between. A network
/// may repeat a packet, but not after so long.
constexpr Duration kBetweenZeroIds = std::chrono::milliseconds(500);

/// Linux: the record that stays of a closed socket answers with id 0, a socket counts (net/ipv4/ip_output.c).
Evidence evidence_by_id(Record& record, Role from, const tcp::Segment& segment, Instant now) {
    Inquiry& inquiry = record.reaping.of(from);
    const bool zero = segment.ip_id == 0 && record.connection.of(from).counts_ids &&
                      segment.source.address.is_v4() && from == record.reaping.closer &&
                      record.reaping.phase == Phase::probing;
    if (!zero) return Evidence::alive;
    if (inquiry.zero_id_at == Instant::never()) inquiry.zero_id_at = now;
    return now < inquiry.zero_id_at + kBetweenZeroIds ? Evidence::alive : Evidence::orphan;
}

/// Whether an answer says nothing that its peer has not been told, so that the peer misses nothing without
/// it. A window of 0 asks the peer to wait, and each answer tells it that there is somebody to wait for.
bool repeats_itself(const Record& record, Role from, const tcp::Segment& s) {
    const tcp::Side& side = record.connection.of(from);
    const tcp::Side& peer = record.connection.of(other(from));
    // It acknowledges what never passed here, and its peer is being reset: the peer has no use for it.
    const bool reset = record.reaping.phase == Phase::confirming && record.reaping.of(other(from)).target;
    if (reset && after(s.ack, peer.next)) return true;
    const bool ecn = side.marks_ecn || s.accurate_ecn || s.any(tcp::flag::ece | tcp::flag::cwr);
    const bool plain =
        !ecn && !s.any(tcp::flag::urg) && !s.more_options && (s.options & ~tcp::option::timestamps) == 0;
    if (!plain || !side.ack_known()) return false;
    if (before(s.ack, side.ack)) return true;      // it is older than what the peer has: that passes it over
    const bool all_acked = side.ack == peer.next;  // else it may be one of three (RFC 5681 section 3.2)
    return s.ack == side.ack && all_acked && !side.window_stale && s.window == side.window && s.window != 0;
}

}  // namespace

Heard hear(Record& record, Role from, const tcp::Segment& segment, Instant now) {
    flow::Reaping& reaping = record.reaping;
    if (reaping.phase == Phase::watching || reaping.phase == Phase::gone) return Heard::nothing;
    const Answer answer = answer_of(record, from, segment);
    flow::Inquiry& inquiry = reaping.of(from);
    // After its FIN a closer sends at this number, or one below it as a keepalive. What stands elsewhere may
    // be forged, and must not hide an orphan.
    const tcp::Seq next = record.connection.of(from).next;
    const bool own = segment.seq == next || segment.seq == next - 1;
    if (own && segment.ip_id != 0) inquiry.zero_id_at = Instant::never();
    if (answer == Answer::none) {
        reaping.of(other(from)).crossed = true;
        return Heard::nothing;
    }
    reaping.urgent = true;
    inquiry.outstanding = false;
    inquiry.answered = now;
    if (answer == Answer::rst) return hear_rst(record, from, segment);
    return hear_ack(record, from, segment, now);
}

void hear_word(Record& record, Role side, flow::Evidence word, Instant now) {
    flow::Inquiry& inquiry = record.reaping.of(side);
    if (!inquiry.outstanding) return;
    inquiry.outstanding = false;
    inquiry.by_word = true;
    inquiry.answered = now;
    record.reaping.urgent = true;
    if (record.reaping.phase == Phase::confirming) {
        inquiry.confirmed = word == flow::Evidence::gone;
        if (!inquiry.confirmed) inquiry.evidence = flow::Evidence::alive;
    } else {
        inquiry.evidence = word;
    }
}

Heard hear_rst(Record& record, Role from, const tcp::Segment& segment) {
    Inquiry& inquiry = record.reaping.of(from);
    if (record.reaping.phase == Phase::confirming) {
        inquiry.confirmed = true;
        // An answer to a probe carries no acknowledgment (RFC 9293 section 3.10.7.1). By this one its
        // application may have ended the connection, and no RST of ours tells the peer.
        const bool for_peer = segment.any(tcp::flag::ack) && !record.reaping.of(other(from)).target;
        return for_peer ? Heard::pass : Heard::consume;
    }
    inquiry.evidence = Evidence::gone;
    return inquiry.guessed ? Heard::consume : Heard::pass;  // with numbers of ours it would end nothing
}

Heard hear_ack(Record& record, Role from, const tcp::Segment& segment, Instant now) {
    Inquiry& inquiry = record.reaping.of(from);
    const bool meant_for_peer = inquiry.crossed;
    const Heard alone = repeats_itself(record, from, segment) ? Heard::consume : Heard::share;
    tcp::note_timestamp(record.connection.of(from), segment);
    tcp::note_answer(record.connection.of(from));
    inquiry.crossed = false;
    inquiry.reported = false;
    inquiry.evidence = evidence_by_id(record, from, segment, now);
    if (record.reaping.phase == Phase::confirming) {
        inquiry.number = segment.ack;
        inquiry.corrected = true;
    }
    return meant_for_peer ? Heard::pass : alone;
}

/// A keepalive carries the same number as a probe (RFC 1122 section 4.2.3.6): where the peer has sent
/// something since, the error may be its own.
Heard hear_unreachable(Record& record, Role side, tcp::Seq seq) {
    Inquiry& inquiry = record.reaping.of(side);
    const bool asked = record.reaping.phase == Phase::probing && inquiry.outstanding;
    if (!asked || seq != probe_towards(record, side).seq) return Heard::nothing;
    inquiry.reported = true;
    return inquiry.crossed ? Heard::pass : Heard::consume;
}

}  // namespace finwait::reaper
