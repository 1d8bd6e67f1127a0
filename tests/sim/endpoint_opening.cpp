// Segments arriving where no synchronized socket is: CLOSED and LISTEN, SYN_SENT, and the small records that
// are left of a socket (RFC 9293 sections 3.10.7.1 to 3.10.7.3; tcp_timewait_state_process of Linux).

#include "endpoint.hpp"

namespace finwait::sim {

using enum tcp::State;
namespace flag = tcp::flag;

void Endpoint::on_closed(Instant now, const Packet& packet) {
    const tcp::Segment& s = packet.segment;
    if (s.any(flag::rst)) return;
    const bool opens = s.any(flag::syn) && !s.any(flag::ack);
    if (opens && options_.listening) return accept(now, packet);
    answer_by_reset(s);
}

void Endpoint::accept(Instant now, const Packet& packet) {
    begin(now);
    enter(syn_received);
    fact().peer = packet.own;
    irs_ = packet.segment.seq;
    rcv_nxt_ = rcv_edge_ = irs_ + 1;
    agree_on_scale(packet.segment);
    snd_nxt_ = iss_ + 1;
    snd_wnd_ = packet.segment.window;
    wl1_ = irs_;
    send_syn(now);
    arm_retransmit(now);
}

/// RFC 7323 section 2.2: both or none. UINT8_MAX says none.
void Endpoint::agree_on_scale(const tcp::Segment& syn) {
    const bool both = options_.scale_offered && syn.offers(tcp::option::window_scale);
    own_scale_ = both ? options_.scale : std::uint8_t{UINT8_MAX};
    peer_scale_ = both ? syn.scale : std::uint8_t{0};
}

void Endpoint::on_syn_sent(Instant now, const Packet& packet) {
    const tcp::Segment& s = packet.segment;
    const bool acks = s.any(flag::ack);
    if (acks && s.ack != snd_nxt_) return answer_by_reset(s);
    if (s.any(flag::rst)) {
        if (acks) finish(Death::reset);
        return;
    }
    if (!s.any(flag::syn)) return;
    fact().peer = packet.own;
    irs_ = s.seq;
    rcv_nxt_ = rcv_edge_ = irs_ + 1;
    agree_on_scale(s);
    snd_wnd_ = s.window;
    wl1_ = s.seq;
    wl2_ = s.ack;
    tries_ = 0;
    if (!acks) {
        enter(syn_received);
        send_syn(now);
        return arm_retransmit(now);
    }
    snd_una_ = s.ack;
    retransmit_at_ = Instant::never();
    enter(established);
    if (options_.keepalive) keepalive_at_ = now + options_.keepalive_idle;
    send_ack(now);
    push(now);
}

void Endpoint::on_record(Instant now, const Packet& packet) {
    return state_ == time_wait ? on_time_wait(now, packet) : on_orphan_record(now, packet);
}

void Endpoint::on_time_wait(Instant now, const Packet& packet) {
    const tcp::Segment& s = packet.segment;
    if (s.any(flag::rst)) {
        if (s.seq == rcv_nxt_) finish(Death::reset);
        return;
    }
    if (s.any(flag::syn) && !s.any(flag::ack) && options_.listening && after(s.seq, rcv_nxt_)) {
        finish(Death::orderly);
        return accept(now, packet);
    }
    if (s.space() > 0) return send_ack(now);
    if (!acceptable(s)) challenge(now);
}

/// Linux' FIN_WAIT_2 without a socket: RST in the window ends it, data too, a FIN turns it into TIME_WAIT.
void Endpoint::on_orphan_record(Instant now, const Packet& packet) {
    const tcp::Segment& s = packet.segment;
    const bool in_window = s.seq == rcv_nxt_ || (after(s.end(), rcv_nxt_) && before(s.seq, rcv_edge_)) ||
                           (s.seq == rcv_edge_ && s.space() == 0);
    if (!in_window) return s.any(flag::rst) ? void() : challenge(now);
    if (s.any(flag::rst)) return finish(s.seq == rcv_nxt_ ? Death::reset : Death::silent);
    if (s.any(flag::syn) && at_or_after(s.seq, rcv_nxt_)) {
        answer_by_reset(s);
        return finish(Death::silent);  // that RST bears no number of its connection
    }
    if (!s.any(flag::ack) || !after(s.end(), rcv_nxt_) || s.space() == 0) return;
    if (!s.any(flag::fin) || s.end() != rcv_nxt_ + 1) {
        return refuse_data(s);
    }
    rcv_nxt_ = s.end();
    fin_arrived_ = true;
    fact().got_fin = true;
    enter_time_wait(now);
    send_ack(now);
}

}  // namespace finwait::sim
