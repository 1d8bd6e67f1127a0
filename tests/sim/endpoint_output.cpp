// Sending: data within the window, FINs, acknowledgments, resets, and everything once more.

#include "endpoint.hpp"

#include <algorithm>

namespace finwait::sim {

using enum tcp::State;
namespace flag = tcp::flag;

namespace {

/// net.ipv4.tcp_invalid_ratelimit.
constexpr Duration kChallengeInterval = std::chrono::milliseconds(500);

}  // namespace

void Endpoint::emit(std::uint8_t flags, tcp::Seq seq, std::uint32_t length, Instant now) {
    Packet p;
    p.own = incarnation();
    p.peer = fact().peer;
    tcp::Segment& s = p.segment;
    s.source = own_;
    s.destination = peer_;
    s.flags = flags;
    s.seq = seq;
    s.length = length;
    s.ip_id = record_ ? std::uint16_t{0} : ++ip_id_;
    if ((flags & flag::ack) != 0) s.ack = rcv_nxt_;
    s.window = offered_window((flags & flag::syn) != 0);
    if (options_.timestamps && (flags & flag::rst) == 0) {
        s.options |= tcp::option::timestamps;
        s.ts_value = static_cast<std::uint32_t>(now.since_origin() / ms(1));
    }
    if ((flags & flag::syn) != 0) {
        s.options |= tcp::option::mss;
        s.mss = static_cast<std::uint16_t>(options_.mss);
        const bool answers = (flags & flag::ack) != 0;
        if (answers ? own_scale_ != UINT8_MAX : options_.scale_offered) {
            s.options |= tcp::option::window_scale;
            s.scale = options_.scale;
        }
    }
    if ((flags & flag::ack) != 0) ack_at_ = Instant::never();
    outbox_.push_back(p);
}

/// The right edge never goes back (RFC 9293 section 3.8.6.2.2); what scaling cuts off is rounded as Linux
/// does it.
std::uint16_t Endpoint::offered_window(bool in_syn) {
    const unsigned shift = in_syn || own_scale_ == UINT8_MAX ? 0U : own_scale_;
    const std::uint32_t free = options_.buffer - std::min(unread_, options_.buffer);
    std::uint32_t raw = free >> shift;
    if (state_ != syn_sent && after(rcv_edge_, rcv_nxt_)) {
        const auto promised = static_cast<std::uint32_t>(rcv_edge_ - rcv_nxt_);
        raw = std::max(raw, (promised + (1U << shift) - 1) >> shift);
    }
    raw = std::min<std::uint32_t>(raw, UINT16_MAX);
    if (state_ != syn_sent) rcv_edge_ = tcp::later(rcv_edge_, rcv_nxt_ + (raw << shift));
    return static_cast<std::uint16_t>(raw);
}

void Endpoint::send_syn(Instant now) {
    const bool answer = state_ == syn_received;
    if (answer) fact().syn_ack_sent = true;
    emit(answer ? flag::syn | flag::ack : flag::syn, iss_, 0, now);
}

void Endpoint::send_ack(Instant now) {
    emit(flag::ack, snd_nxt_, 0, now);
}

void Endpoint::challenge(Instant now) {
    if (now < challenge_after_) return;
    challenge_after_ = now + kChallengeInterval;
    send_ack(now);
}

/// RFC 9293 section 3.5.2, group 1.
void Endpoint::answer_by_reset(const tcp::Segment& s) {
    if (s.any(flag::rst)) return;
    Packet p;
    p.segment.source = own_;
    p.segment.destination = peer_;
    if (s.any(flag::ack)) {
        p.segment.flags = flag::rst;
        p.segment.seq = s.ack;
    } else {
        p.segment.flags = flag::rst | flag::ack;
        p.segment.ack = s.end();
    }
    outbox_.push_back(p);
}

void Endpoint::send_reset(Instant now) {
    emit(flag::rst | flag::ack, snd_nxt_, 0, now);
}

bool Endpoint::may_send_data() const {
    return state_ == established || state_ == close_wait;
}

/// Sends what the window lets out; FIN last.
void Endpoint::push(Instant now) {
    if (!may_send_data() || record_) return;
    while (!fin_sent_ && (unsent_ > 0 || fin_queued_)) {
        const std::int32_t room = snd_una_ + snd_wnd_ - snd_nxt_;
        const std::uint32_t usable = room > 0 ? static_cast<std::uint32_t>(room) : 0;
        if (usable == 0) break;
        const std::uint32_t length = std::min({unsent_, usable, options_.mss});
        send_fresh(now, length);
    }
    if (snd_una_ != snd_nxt_) {
        if (retransmit_at_ == Instant::never()) arm_retransmit(now);
    } else if (!fin_sent_ && (unsent_ > 0 || fin_queued_) && persist_at_ == Instant::never()) {
        arm_persist(now);
    }
}

void Endpoint::send_fresh(Instant now, std::uint32_t length) {
    const bool last = fin_queued_ && length == unsent_;
    const bool room_for_fin = snd_una_ + snd_wnd_ - snd_nxt_ > static_cast<std::int32_t>(length);
    const bool with_fin = last && room_for_fin && (length == 0 || options_.fin_with_data);
    if (length == 0 && !with_fin) return;
    const tcp::Seq seq = snd_nxt_;
    snd_nxt_ = snd_nxt_ + (length + (with_fin ? 1U : 0U));
    unsent_ -= length;
    std::uint8_t flags = flag::ack;
    if (length > 0) flags |= flag::psh;
    if (with_fin) {
        flags |= flag::fin;
        fin_sent_ = true;
        enter(state_ == close_wait ? last_ack : fin_wait_1);
        fact().fin_sent = true;
        fact().fin_end = snd_nxt_;
    }
    emit(flags, seq, length, now);
}

/// The first outstanding segment once more, cut anew, so that a FIN may ride on data that it followed.
void Endpoint::retransmit(Instant now) {
    if (state_ == syn_sent || state_ == syn_received) return send_syn(now);
    const auto outstanding = static_cast<std::uint32_t>(data_end() - snd_una_);
    const bool only_fin = fin_sent_ && snd_una_ == snd_nxt_ - 1;
    const std::uint32_t length = only_fin ? 0 : std::min(outstanding, options_.mss);
    const bool reaches_fin = fin_sent_ && length == outstanding && (only_fin || options_.fin_with_data);
    std::uint8_t flags = flag::ack;
    if (length > 0) flags |= flag::psh;
    if (only_fin || reaches_fin) flags |= flag::fin;
    emit(flags, snd_una_, length, now);
}

/// A zero window: Linux asks with an old number and no data, BSD with one byte of new data (RFC 9293 section
/// 3.8.6.1).
void Endpoint::probe(Instant now) {
    if (options_.stack == Stack::linux || unsent_ == 0) return emit(flag::ack, snd_una_ - 1, 0, now);
    const tcp::Seq seq = snd_nxt_;
    snd_nxt_ = snd_nxt_ + 1;
    --unsent_;
    emit(flag::ack | flag::psh, seq, 1, now);
    arm_retransmit(now);
}

}  // namespace finwait::sim
