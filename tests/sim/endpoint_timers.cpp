// What a host does because time passes: retransmission with backoff, window probes, delayed ACKs, keepalives,
// and the ends of FIN_WAIT_2 and TIME_WAIT.

#include "endpoint.hpp"

#include <algorithm>

namespace finwait::sim {

using enum tcp::State;
namespace flag = tcp::flag;

namespace {

constexpr Duration kMaxBackoff = std::chrono::seconds(20);
constexpr Duration kKeepaliveInterval = std::chrono::seconds(5);
constexpr int kKeepaliveProbes = 4;

}  // namespace

Instant Endpoint::next_deadline() const {
    return std::min({retransmit_at_, persist_at_, ack_at_, keepalive_at_, state_at_, close_at_});
}

bool Endpoint::restless() const {
    return std::min({retransmit_at_, persist_at_, ack_at_}) != Instant::never() || keepalives_ > 0;
}

void Endpoint::arm_retransmit(Instant now) {
    const Duration backoff = options_.retransmit * (std::int64_t{1} << std::min(tries_, 10));
    retransmit_at_ = now + std::min(backoff, kMaxBackoff);
    persist_at_ = Instant::never();
}

void Endpoint::arm_persist(Instant now) {
    const Duration backoff = options_.retransmit * (std::int64_t{1} << std::min(tries_, 10));
    persist_at_ = now + std::min(backoff, kMaxBackoff);
}

void Endpoint::on_timer(Instant now) {
    if (now >= ack_at_) {
        ack_at_ = Instant::never();
        send_ack(now);
    }
    if (now >= close_at_) {
        close_at_ = Instant::never();
        close(now);
    }
    if (now >= state_at_) {
        state_at_ = Instant::never();
        finish(state_ == time_wait ? Death::orderly : Death::silent);
    }
    if (now >= retransmit_at_) on_retransmit(now);
    if (now >= persist_at_) {
        ++tries_;
        arm_persist(now);
        if (tries_ > 2 * options_.retries) return give_up(now);
        probe(now);
    }
    if (now >= keepalive_at_) on_keepalive(now);
}

void Endpoint::on_retransmit(Instant now) {
    ++tries_;
    if (tries_ > options_.retries) return give_up(now);
    recover_ = snd_nxt_;
    arm_retransmit(now);
    retransmit(now);
}

/// Linux says nothing (tcp_write_err); BSD sends an RST once there was a peer (tcp_drop).
void Endpoint::give_up(Instant now) {
    const bool tells = options_.stack == Stack::bsd && state_ != syn_sent;
    if (tells) send_reset(now);
    finish(tells ? Death::told : Death::silent);
}

void Endpoint::on_keepalive(Instant now) {
    keepalive_at_ = now + kKeepaliveInterval;
    if (retransmit_at_ != Instant::never() || persist_at_ != Instant::never()) return;
    if (keepalives_ >= kKeepaliveProbes) {
        send_reset(now);
        return finish(Death::told);
    }
    ++keepalives_;
    emit(flag::ack, snd_una_ - 1, options_.keepalive_garbage ? 1 : 0, now);
}

}  // namespace finwait::sim
