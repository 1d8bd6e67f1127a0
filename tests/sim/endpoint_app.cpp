// What an application does with its socket, and the beginning and end of sockets.

#include "endpoint.hpp"

namespace finwait::sim {

using enum tcp::State;

namespace {

const Facts kNoFacts{};
constexpr Duration kTimeWait = std::chrono::seconds(60);
/// tcp_fin_timeout, and net.inet.tcp.finwait2_timeout.
constexpr Duration kLinuxOrphan = std::chrono::seconds(60);
constexpr Duration kBsdOrphan = std::chrono::seconds(600);
/// How far the clock that numbers begin by has gone between two sockets, so that old and new ones are apart.
constexpr std::uint32_t kIssStep = 0x5000'0000;

bool is_synchronized(tcp::State s) {
    return s != closed && s != syn_sent && s != syn_received;
}

}  // namespace

Endpoint::Endpoint(EndpointOptions options, tcp::Endpoint own, tcp::Endpoint peer)
    : options_(options), own_(own), peer_(peer), iss_(options.first_iss) {}

const Facts& Endpoint::facts() const {
    return history_.empty() ? kNoFacts : history_.back();
}

/// A fresh socket; its numbers begin above the last one's (RFC 9293 section 3.4.1).
void Endpoint::begin(Instant) {
    const tcp::Seq iss = history_.empty() ? iss_ : tcp::Seq(options_.first_iss) + kIssStep;
    options_.first_iss = iss.value();
    Endpoint fresh(options_, own_, peer_);
    fresh.outbox_.swap(outbox_);
    fresh.history_.swap(history_);
    fresh.ip_id_ = ip_id_;
    *this = std::move(fresh);
    history_.emplace_back();
    snd_una_ = snd_nxt_ = recover_ = iss;
}

void Endpoint::enter(tcp::State state) {
    state_ = state;
    fact().state = state;
    if (is_synchronized(state)) fact().synchronized = true;
}

void Endpoint::finish(Death death) {
    fact().death = death;
    state_ = closed;
    record_ = false;
    retransmit_at_ = persist_at_ = ack_at_ = keepalive_at_ = state_at_ = close_at_ = Instant::never();
}

void Endpoint::connect(Instant now) {
    // Linux lets connect() take a port over from its own TIME_WAIT (tcp_twsk_unique).
    const bool free = state_ == closed || state_ == time_wait;
    if (!free || vanished_) return;
    if (state_ == time_wait) finish(Death::orderly);
    begin(now);
    enter(syn_sent);
    fact().syn_sent = true;
    snd_nxt_ = iss_ + 1;
    send_syn(now);
    arm_retransmit(now);
}

void Endpoint::write(Instant now, std::uint32_t bytes) {
    const bool open =
        state_ == syn_sent || state_ == syn_received || state_ == established || state_ == close_wait;
    if (!open || fin_queued_ || vanished_) return;
    unsent_ += bytes;
    push(now);
}

void Endpoint::queue_fin(Instant now) {
    if (fin_queued_) return;
    fin_queued_ = true;
    push(now);
}

void Endpoint::shutdown(Instant now) {
    const bool open = state_ == syn_received || state_ == established || state_ == close_wait;
    if (open && !vanished_) queue_fin(now);
}

void Endpoint::close(Instant now) {
    if (vanished_ || orphan_ || record_ || state_ == closed) return;
    close_at_ = Instant::never();
    if (state_ == syn_sent) return finish(Death::silent);
    orphan_ = true;
    const bool unread = unread_ > 0 || (!out_of_order_.empty() && options_.stack == Stack::linux);
    if (unread && options_.stack == Stack::linux) {
        // RFC 2525 section 2.17: data is lost, and the peer is told.
        send_reset(now);
        return finish(Death::told);
    }
    if (state_ == fin_wait_2) return orphan_fin_wait_2(now);
    queue_fin(now);
}

void Endpoint::abort(Instant now) {
    if (vanished_ || record_ || state_ == closed) return;
    const bool tells = state_ != syn_sent && state_ != closing && state_ != last_ack;
    if (tells) send_reset(now);
    finish(tells ? Death::told : Death::silent);
}

bool Endpoint::destroy(Instant now) {
    if (!record_) {
        abort(now);
        return fact().death == Death::told;
    }
    finish(Death::reset);
    return false;
}

void Endpoint::set_reading(Instant now, bool reading) {
    if (vanished_ || record_ || reading_ == reading) return;
    reading_ = reading;
    if (!reading || unread_ == 0) return;
    unread_ = 0;
    if (has_socket() && state_ != syn_sent && state_ != syn_received) send_ack(now);
}

void Endpoint::crash() {
    options_.listening = false;
    if (state_ == closed) return;
    finish(Death::silent);
}

void Endpoint::vanish() {
    vanished_ = true;
    if (state_ == closed) return;
    finish(Death::silent);
}

void Endpoint::orphan_fin_wait_2(Instant now) {
    const bool keeps_record = options_.stack == Stack::linux;
    record_ = keeps_record;
    state_at_ = now + (keeps_record ? kLinuxOrphan : kBsdOrphan);
    if (!keeps_record) return;
    keepalive_at_ = persist_at_ = retransmit_at_ = ack_at_ = Instant::never();
}

void Endpoint::enter_time_wait(Instant now) {
    enter(time_wait);
    record_ = true;
    state_at_ = now + kTimeWait;
    retransmit_at_ = persist_at_ = ack_at_ = keepalive_at_ = Instant::never();
}

}  // namespace finwait::sim
