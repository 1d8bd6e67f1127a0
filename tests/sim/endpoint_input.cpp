// Segments arriving at a synchronized socket (RFC 9293 section 3.10.7.4, RFC 5961 sections 3 to 5).

#include "endpoint.hpp"

#include <algorithm>

namespace finwait::sim {

using enum tcp::State;
namespace flag = tcp::flag;

namespace {

constexpr Duration kDelayedAck = std::chrono::milliseconds(40);
/// RFC 5961 section 5.2: an older acknowledgment than the largest window explains is a guess.
constexpr std::uint32_t kOldestAck = 70'000;

}  // namespace

void Endpoint::on_packet(Instant now, const Packet& packet) {
    if (vanished_) return;
    keepalives_ = 0;
    if (options_.keepalive && has_socket() && !record_) keepalive_at_ = now + options_.keepalive_idle;
    if (state_ == closed) return on_closed(now, packet);
    if (state_ == syn_sent) return on_syn_sent(now, packet);
    if (record_) return on_record(now, packet);
    on_synchronized(now, packet);
}

/// tcp_sequence() of Linux: wider than RFC 9293's test by what has been received already.
bool Endpoint::acceptable(const tcp::Segment& s) const {
    return at_or_after(s.end(), rcv_nxt_) && at_or_before(s.seq, tcp::later(rcv_edge_, rcv_nxt_));
}

/// tcp_reset_check(): Linux takes the FIN's own number too once it has the FIN.
bool Endpoint::takes_reset(const tcp::Segment& s) const {
    const bool after_fin = state_ == close_wait || state_ == last_ack || state_ == closing;
    return s.seq == rcv_nxt_ || (options_.stack == Stack::linux && after_fin && s.seq == rcv_nxt_ - 1);
}

void Endpoint::on_reset(Instant now, const tcp::Segment& s) {
    if (takes_reset(s)) return finish(Death::reset);
    if (acceptable(s)) challenge(now);
}

void Endpoint::on_synchronized(Instant now, const Packet& packet) {
    const tcp::Segment& s = packet.segment;
    if (s.any(flag::rst)) return on_reset(now, s);
    if (s.any(flag::syn)) {
        const bool repeated = state_ == syn_received && s.seq == irs_;
        if (repeated && !s.any(flag::ack)) return send_syn(now);
        const bool crossed = repeated && s.ack == iss_ + 1 && options_.stack == Stack::linux;
        if (!crossed) return challenge(now);
        take_window(s);
        if (take_ack(now, s)) send_ack(now);
        return;
    }
    if (!acceptable(s)) {
        if (s.space() > 0) return send_ack(now);
        return challenge(now);
    }
    if (!s.any(flag::ack)) return;
    if (!take_ack(now, s) || record_ || state_ == closed) {
        // The acknowledgment may have ended the socket; what else the segment carries goes to its record.
        if (record_) on_record(now, packet);
        return;
    }
    take_window(s);
    take_data(now, s);
    if (has_socket()) push(now);
}

/// False when the segment ends here.
bool Endpoint::take_ack(Instant now, const tcp::Segment& s) {
    if (state_ == syn_received) {
        if (!after(s.ack, iss_) || after(s.ack, snd_nxt_)) {
            answer_by_reset(s);
            return false;
        }
        enter(established);
    }
    if (after(s.ack, snd_nxt_) || before(s.ack, snd_una_ - kOldestAck)) {
        challenge(now);
        return false;
    }
    if (!after(s.ack, snd_una_)) {
        if (snd_wnd_ == 0) tries_ = 0;  // it lives, and only its application does not read
        return true;
    }
    // Until the window is heard of again its right edge stays where it was (FreeBSD's tcp_do_segment).
    snd_wnd_ -= std::min(snd_wnd_, static_cast<std::uint32_t>(s.ack - snd_una_));
    snd_una_ = s.ack;
    tries_ = 0;
    retransmit_at_ = Instant::never();
    if (snd_una_ != snd_nxt_) {
        arm_retransmit(now);
        if (before(snd_una_, recover_)) retransmit(now);
    }
    if (fin_sent_ && snd_una_ == snd_nxt_ && !fact().fin_acked) on_fin_acked(now);
    return state_ != closed;
}

void Endpoint::on_fin_acked(Instant now) {
    fact().fin_acked = true;
    if (state_ == fin_wait_1) {
        enter(fin_wait_2);
        if (orphan_) orphan_fin_wait_2(now);
    } else if (state_ == closing) {
        enter_time_wait(now);
    } else if (state_ == last_ack) {
        finish(Death::orderly);
    }
}

void Endpoint::take_window(const tcp::Segment& s) {
    if (before(s.ack, snd_una_)) return;  // RFC 9293 section 3.10.7.4: an old one
    const bool newer = before(wl1_, s.seq) || (wl1_ == s.seq && at_or_before(wl2_, s.ack)) ||
                       (after(s.ack, wl2_) && options_.stack == Stack::linux);
    if (!newer) return;
    wl1_ = s.seq;
    wl2_ = s.ack;
    snd_wnd_ = s.any(flag::syn) ? s.window : static_cast<std::uint32_t>(s.window) << peer_scale_;
    if (snd_wnd_ > 0) persist_at_ = Instant::never();
}

void Endpoint::take_data(Instant now, const tcp::Segment& s) {
    if (s.space() == 0) return;
    const bool old = at_or_before(s.end(), rcv_nxt_);
    if (old || fin_arrived_) return send_ack(now);
    const bool fin = s.any(flag::fin);
    const tcp::Seq data_end = s.seq + s.length;
    if (orphan_ && s.length > 0 && after(data_end, rcv_nxt_)) return refuse_data(s);
    tcp::Seq end = s.end();
    bool whole = true;
    if (after(end, rcv_edge_ + (fin ? 1U : 0U))) {
        end = rcv_edge_;
        whole = false;
    }
    const tcp::Seq begin = tcp::later(s.seq, rcv_nxt_);
    const bool in_order = begin == rcv_nxt_;
    if (before(begin, end)) deliver(begin, end, fin && whole);
    if (fin_arrived_) return on_fin(now);
    if (!in_order || !whole || !out_of_order_.empty() || !options_.delayed_ack) return send_ack(now);
    if (ack_at_ != Instant::never()) return send_ack(now);
    ack_at_ = now + kDelayedAck;
}

/// RFC 1122 section 4.2.2.13: nobody will read it. What a forged acknowledgment draws tells the peer nothing.
void Endpoint::refuse_data(const tcp::Segment& s) {
    answer_by_reset(s);
    finish(s.ack == snd_nxt_ ? Death::told : Death::silent);
}

/// Puts a range into its place and takes what is now contiguous.
void Endpoint::deliver(tcp::Seq begin, tcp::Seq end, bool fin) {
    out_of_order_.push_back({begin, end, fin});
    for (bool moved = true; moved;) {
        moved = false;
        for (std::size_t i = 0; i < out_of_order_.size(); ++i) {
            const Range r = out_of_order_[i];
            if (after(r.begin, rcv_nxt_)) continue;
            out_of_order_.erase(out_of_order_.begin() + static_cast<std::ptrdiff_t>(i));
            moved = true;
            if (!after(r.end, rcv_nxt_)) break;
            const auto bytes = static_cast<std::uint32_t>(r.end - rcv_nxt_) - (r.fin ? 1U : 0U);
            if (!reading_) unread_ += bytes;
            rcv_nxt_ = r.end;
            rcv_edge_ = tcp::later(rcv_edge_, rcv_nxt_);
            fin_arrived_ = r.fin;
            break;
        }
        if (fin_arrived_) out_of_order_.clear();
    }
}

void Endpoint::on_fin(Instant now) {
    fact().got_fin = true;
    if (state_ == established) {
        enter(close_wait);
        if (options_.close_after_eof) close_at_ = now + *options_.close_after_eof;
    } else if (state_ == fin_wait_1) {
        enter(closing);
    } else if (state_ == fin_wait_2) {
        enter_time_wait(now);
    }
    send_ack(now);
}

}  // namespace finwait::sim
