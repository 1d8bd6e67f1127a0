// The checks of the states that are claimed: never more than what passed proves, never less, and at rest the
// truth.

#include "judge.hpp"

namespace finwait::sim {

using enum tcp::State;

namespace {

/// A state is three facts, as far as closing goes.
struct Bits {
    bool fin;        // has sent its FIN
    bool got_fin;    // has received the peer's
    bool fin_acked;  // knows that its FIN has arrived
};

Bits bits(tcp::State s) {
    switch (s) {
        case fin_wait_1: return {true, false, false};
        case fin_wait_2: return {true, false, true};
        case close_wait: return {false, true, false};
        case closing:
        case last_ack: return {true, true, false};
        case time_wait: return {true, true, true};
        default: return {false, false, false};
    }
}

bool open(tcp::State s) {
    return s != unknown && s != closed && s != listen && s != syn_sent && s != syn_received;
}

/// TIME_WAIT and CLOSED differ by time only; CLOSING and LAST_ACK by the order in which the FINs passed.
tcp::State kind(tcp::State s) {
    if (s == time_wait) return closed;
    return s == closing ? last_ack : s;
}

}  // namespace

void Judge::fail(Instant now, std::size_t host, std::string_view what) {
    fail(now, std::string(1, "AB"[host]) + ": " + std::string(what));
}

void Judge::check_claims(Instant now) {
    if (flow_.foreign || flow_.tainted || flow_.confused) return;
    for (std::size_t host = 0; host < 2; ++host) {
        ++tally_.claims;
        tally_.claimed |= 1U << static_cast<unsigned>(flow_.claim[host]);
        check_claim(now, host);
        check_exactness(now, host);
    }
    check_half_closed(now);
}

/// Never more than what the host can be if everything that passed towards it arrives.
void Judge::check_claim(Instant now, std::size_t host) {
    const tcp::State claim = flow_.claim[host];
    const Facts* truth = facts(host);
    const Passed& p = flow_.side[host];
    if (claim == unknown) return;
    if (claim == closed) {
        const bool orderly = p.fin && p.got_fin && p.fin_acked;
        const bool unchecked = selective_ && flow_.reset;
        if (p.heard && !unchecked && !orderly && !p.mortal && !gone(host))
            fail(now, host, "claimed closed, and lives");
        return;
    }
    if (truth == nullptr) return fail(now, host, "claimed to be open, and was never heard");
    if (claim == syn_sent && !truth->syn_sent) fail(now, host, "claimed to have sent a SYN");
    if (claim == syn_received && !truth->syn_ack_sent) fail(now, host, "claimed to have sent a SYN,ACK");
    if (!open(claim)) return;
    if (!truth->synchronized && !(truth->syn_ack_sent && p.syn_acked))
        fail(now, host, "claimed synchronized, and is not");
    const Bits b = bits(claim);
    if (b.fin && !truth->fin_sent) fail(now, host, "claimed to have sent a FIN");
    if (b.got_fin && !truth->got_fin) fail(now, host, "claimed to have got the peer's FIN");
    if (b.fin_acked && !p.fin_acked) fail(now, host, "claimed to know that its FIN has arrived");
}

/// Exactly what passed since the flow began: no more, no less.
void Judge::check_exactness(Instant now, std::size_t host) {
    const tcp::State claim = flow_.claim[host];
    const Passed& p = flow_.side[host];
    if (flow_.adopted || flow_.reset || flow_.ended_by_us || claim == unknown || !p.heard) return;
    const bool orderly = p.fin && p.got_fin && p.fin_acked;
    if (claim == closed) {
        if (!orderly) fail(now, host, "claimed closed, and nothing that passed proves it");
        return;
    }
    const Bits b = bits(claim);
    if (b.fin != p.fin) fail(now, host, "its FIN passed, or did not: the claim says otherwise");
    if (b.got_fin != p.got_fin)
        fail(now, host, "its acknowledgment of the peer's FIN passed, or did not: the claim says otherwise");
    // Both FINs have passed: whether the acknowledgment or the peer's FIN came first at the host is not
    // known.
    const bool crossed = p.fin_crossed || (claim == fin_wait_1 && flow_.side[1 - host].fin);
    if (b.fin && !crossed && b.fin_acked != p.fin_acked)
        fail(now, host, "the acknowledgment of its FIN passed, or did not: the claim says otherwise");
}

void Judge::check_half_closed(Instant now) {
    for (std::size_t host = 0; host < 2; ++host) {
        if (flow_.claim[host] != fin_wait_2 || flow_.claim[1 - host] != close_wait) continue;
        ++tally_.half_closed;
        const Facts* closer = facts(host);
        const Facts* holder = facts(1 - host);
        if (closer == nullptr || holder == nullptr || !closer->fin_sent || !holder->got_fin)
            fail(now, host, "called the closer of a half-closed flow, and it is not");
    }
}

void Judge::quiet(Instant now) {
    if (!flow_.known || flow_.foreign || flow_.tainted || flow_.confused || flow_.resetting) return;
    for (std::size_t host = 0; host < 2; ++host)
        check_rest(now, host);
}

void Judge::check_rest(Instant now, std::size_t host) {
    const Facts* truth = facts(host);
    const tcp::State claim = flow_.claim[host];
    if (claim == unknown || truth == nullptr) return;
    const tcp::State real = truth->death == Death::none ? truth->state : closed;
    // A dead host is probed again and again, and it is the same rest after each probe.
    const bool again = flow_.side[host].rested == std::pair(claim, real);
    flow_.side[host].rested = {claim, real};
    if (!again) ++tally_.quiet;
    if (kind(claim) == kind(real)) return;
    if (!excused(host, real)) return fail(now, host, "at rest, the claim is not the truth");
    if (!again) ++tally_.excused;
}

/// What nothing on the wire could have told.
bool Judge::excused(std::size_t host, tcp::State truth) const {
    const Facts& own = *facts(host);
    const Facts* peer = facts(1 - host);
    const Passed& p = flow_.side[host];
    // It ended and told nobody, or its word was lost before us.
    if (own.death == Death::silent) return true;
    if ((own.death == Death::told || own.death == Death::reset) && p.farewell_lost) return true;
    // The RST that ended it stood below data that had passed, and that it happened not to have got.
    if (own.death == Death::reset && p.doubtful) return true;
    // The number of a forged RST that was held up became right before it arrived.
    if (own.death == Death::reset && p.guessed_ahead) return true;
    // An RST ended it, and what it had said before passed after that RST: the peer's next RST did not come.
    if (own.death == Death::reset && (p.echo_lost || hosts_[1 - host].vanished())) return true;
    // Our RST ended it while its last word was on its way to us.
    if (own.death == Death::reset && flow_.ended_by_us) return true;
    // Its peer is gone, so that nobody repeats what was lost.
    if (peer == nullptr || peer->death == Death::silent) return true;
    if (peer->death == Death::told && (flow_.side[1 - host].farewell_lost || p.unripe)) return true;
    // In selective mode an RST cannot be checked: it is believed until something else passes, be it late.
    if (selective_ && flow_.reset && (flow_.claim[host] == closed || own.death != Death::none)) return true;
    // A SYN that was long on its way opens a connection in appearance.
    if (own.death != Death::none && flow_.claim[host] == syn_sent) return true;
    // The RST that we saw on its way never came, or came before the data that makes it exact, or after more
    // than its receiver was seen to have got.
    if (flow_.claim[host] == closed && truth != closed && (p.reset_lost || p.unripe || p.outrun)) return true;
    // Nobody is left to tell which came first at the host, the acknowledgment of its FIN or the peer's FIN.
    if (flow_.claim[host] == fin_wait_1 && truth == fin_wait_2 && peer->death != Death::none)
        return p.fin_acked && flow_.side[1 - host].fin;
    // A copy of its SYN,ACK passed us after the acknowledgment, and the answer was lost.
    if (flow_.claim[host] == syn_received && truth == established) return p.syn_acked;
    // A copy of its FIN passed us after the acknowledgment; the copy or the answer to it was lost, and with
    // the first acknowledgment in its hands the host has no reason to repeat it. Nor has it where a forged
    // segment alone makes that copy look as if it had crossed the acknowledgment.
    return p.fin_acked_once && (!p.fin_acked || p.fin_crossed) && own.fin_acked;
}

}  // namespace finwait::sim
