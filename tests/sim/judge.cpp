// What passes, forgeries, and the end.

#include "judge.hpp"

namespace finwait::sim {

namespace {

namespace flag = tcp::flag;

/// A repetition this soon after something passed towards its sender may have crossed that.
constexpr Duration kCrossing = std::chrono::milliseconds(100);

bool opening(const std::array<tcp::State, 2>& claim) {
    return claim[0] == tcp::State::syn_sent || claim[1] == tcp::State::syn_sent;
}

}  // namespace

Tally& Tally::operator+=(const Tally& more) {
    packets += more.packets;
    claims += more.claims;
    quiet += more.quiet;
    half_closed += more.half_closed;
    forged += more.forged;
    resets += more.resets;
    claimed |= more.claimed;
    excused += more.excused;
    kept += more.kept;
    translated += more.translated;
    destroyed += more.destroyed;
    for (std::size_t i = 0; i < notices.size(); ++i)
        notices[i] += more.notices[i];
    return *this;
}

Judge::Judge(const Life& life, const engine::Engine& engine, const std::array<Endpoint, 2>& hosts)
    : engine_(engine), hosts_(hosts), selective_(life.selective), fin_wait_2_(life.fin_wait_2) {}

void Judge::fail(Instant now, std::string_view what) {
    if (!verdict_.empty()) return;
    verdict_ = "after " + std::to_string((now - Instant(std::chrono::seconds(1000))) / ms(1)) +
               " ms: " + std::string(what) + "; claims " + claims_text() + ", truth " +
               std::string(name(hosts_[0].state())) + "/" + std::string(name(hosts_[1].state()));
}

std::string Judge::claims_text() const {
    if (!flow_.known) return "none";
    return std::string(name(flow_.claim[0])) + "/" + std::string(name(flow_.claim[1]));
}

/// Takes the engine's report; a flow with another name is another flow.
void Judge::look(Instant now) {
    reports_.clear();
    std::optional<std::uint32_t> cursor = 0;
    while (cursor)
        cursor = engine_.visit(now, *cursor, 16, everything_, reports_);
    if (reports_.size() > 1) fail(now, "one pair of endpoints has two flows");
    if (reports_.empty()) {
        flow_ = Flow{};
        return;
    }
    const engine::FlowReport& report = reports_.front();
    if (!flow_.known || !(flow_.id == report.id)) {
        flow_ = Flow{};
        flow_.known = true;
        flow_.id = report.id;
    }
    flow_.adopted = report.adopted;
    flow_.resetting =
        report.subject.phase == policy::Phase::resetting || report.subject.phase == policy::Phase::confirming;
    const bool a_is_client = report.subject.client.port != 80;
    flow_.claim[0] = a_is_client ? report.subject.client_state : report.subject.server_state;
    flow_.claim[1] = a_is_client ? report.subject.server_state : report.subject.client_state;
    flow_.numbers[0] = report.side[a_is_client ? 0 : 1];
    flow_.numbers[1] = report.side[a_is_client ? 1 : 0];
}

void Judge::begin_flow(std::size_t sender, const Packet& packet) {
    // A host may take a forged SYN for a new connection and answer it: then there is no client.
    const bool answers_forger = packet.segment.has(flag::syn | flag::ack) && packet.peer == kNone;
    flow_.foreign = packet.origin != Origin::socket || answers_forger;
    flow_.side = {};
    flow_.reset = false;
    flow_.side[sender].own = packet.own;
    flow_.side[1 - sender].own = packet.peer;
}

void Judge::begin_side(std::size_t sender, const Packet& packet) {
    const bool farewell_lost = flow_.side[sender].farewell_lost;
    flow_.side[sender] = Passed{};
    flow_.side[sender].own = packet.own;
    flow_.side[sender].farewell_lost = farewell_lost;
    if (packet.peer != kNone) flow_.side[1 - sender].own = packet.peer;
}

/// Of two SYN,ACKs that passed this acknowledges another one than the tracker went by, and the tracker has
/// noticed: it stands at that one's number, or (on the fast path it has none) takes the handshake for
/// complete.
bool Judge::answers_another(const Flow& before, std::size_t sender, const Packet& packet) const {
    const std::size_t peer = 1 - sender;
    const bool noticed =
        before.numbers[peer].next != packet.segment.ack && flow_.numbers[peer].next == packet.segment.ack;
    const bool completes =
        before.claim[peer] == tcp::State::syn_received && flow_.claim[peer] == tcp::State::established;
    return packet.origin == Origin::socket && !packet.segment.any(flag::syn) &&
           packet.own == flow_.side[sender].own && packet.peer != kNone &&
           packet.peer != flow_.side[peer].own && before.known && (noticed || completes);
}

void Judge::begin_answered(std::size_t sender, const Packet& packet) {
    Passed& answered = flow_.side[1 - sender];
    answered = Passed{};
    answered.own = packet.peer;
    answered.heard = true;
}

void Judge::passed(Instant now, std::size_t sender, const Packet& packet, bool queued) {
    ++tally_.packets;
    const Flow before = flow_;
    look(now);
    if (!flow_.known) return;
    const tcp::Segment& s = packet.segment;
    if (s.offers(tcp::option::md5)) return check_signed(now, before, sender, packet);
    const bool fresh = !before.known || !(before.id == flow_.id);
    // A SYN with another number makes a side begin again within the same flow.
    const bool again = packet.origin == Origin::socket && s.any(flag::syn) &&
                       packet.own != flow_.side[sender].own && flow_.numbers[sender].next == s.end();
    if (fresh) begin_flow(sender, packet);
    if (fresh && before.foreign) flow_.foreign = true;
    if (again) begin_side(sender, packet);
    if (answers_another(before, sender, packet)) begin_answered(sender, packet);
    if (packet.origin == Origin::forger) {
        ++tally_.forged;
        if (before.known) check_forgery(now, before, packet);
    }
    for (const Endpoint& host : hosts_)
        if (host.facts().syn_ack_sent && host.facts().peer == kNone) flow_.foreign = true;
    const Incarnation own = flow_.side[sender].own;
    const bool older = packet.own != kNone && own != kNone && packet.own != own;
    if (selective_ && queued && (older || packet.origin == Origin::forger)) flow_.tainted = true;
    if (blinded_ && !queued) flow_.tainted = true;
    note(now, sender, packet, queued);
    if (queued) flow_.spoke[sender] = now;
    settle_confusion(packet);
    check_claims(now);
    check_gauges(now);
}

void Judge::blinded() {
    blinded_ = selective_;
    if (blinded_) flow_.tainted = true;
}

/// Nothing may be kept from a host that it has not been told before.
void Judge::kept(Instant now, std::size_t sender, const Packet& packet) {
    const tcp::Segment& s = packet.segment;
    const Passed& from = flow_.side[sender];
    if (!from.acked || packet.own != from.own || s.any(flag::rst)) return;
    ++tally_.kept;
    if (after(s.ack, from.ack)) fail(now, "an acknowledgment is kept from its receiver: " + s.text());
    if (s.ack != from.ack) return;
    if (s.window != from.window) fail(now, "the update of a window is kept from its receiver: " + s.text());
    if (s.window == 0) fail(now, "a sender that waits for a window is kept from an answer: " + s.text());
}

/// Takes note of what a genuine packet of this very connection shows.
void Judge::note(Instant now, std::size_t sender, const Packet& packet, bool queued) {
    const tcp::Segment& s = packet.segment;
    Passed& from = flow_.side[sender];
    Passed& to = flow_.side[1 - sender];
    if (s.any(flag::rst)) return note_reset(sender, packet);
    if (packet.origin != Origin::socket) return;
    // A socket that answers only after an RST is another one.
    if (from.own == kNone && to.own != kNone && packet.peer == to.own && !flow_.reset) from.own = packet.own;
    if (to.own == kNone && packet.own == from.own) to.own = packet.peer;
    const bool same_peer = packet.peer == kNone || packet.peer == to.own;
    if (packet.own != from.own || !same_peer) return;
    if (s.any(flag::syn) || flow_.adopted) from.heard = true;
    if (!packet.drawn && (queued || !blinded_)) flow_.last_seen = now;
    note_numbers(now, sender, s);
    if (!s.any(flag::ack)) return;
    if (queued && (!from.ack_queued || after(s.ack, from.queued_ack))) {
        from.ack_queued = true;
        from.queued_ack = s.ack;
    }
    to.syn_acked = true;
    const bool covers = to.fin && s.ack == facts(1 - sender)->fin_end;
    if (covers) note_fin_acked(from, to);
    if (!s.any(flag::fin)) return;
    from.fin_covers = from.fin_covers && covers;
    // A copy that acknowledges less than its sender has acknowledged since is an old one, and says nothing.
    const bool old = from.ack_queued && before(s.ack, from.queued_ack);
    if (from.fin && from.fin_acked && !old) {
        from.fin_crossed = now - flow_.spoke[1 - sender] < kCrossing;
        from.fin_acked = from.fin_crossed;
    }
    from.fin = true;
}

void Judge::note_fin_acked(Passed& from, Passed& to) {
    to.fin_acked = to.fin_acked_once = true;
    to.fin_crossed = false;
    from.got_fin = true;
    // Whichever copy of the FIN has arrived, it brought the acknowledgment of the sender's own.
    if (from.fin && to.fin_covers) from.fin_acked = from.fin_acked_once = true;
}

/// Once both hosts are synchronized, what they say themselves must have cleared up what a forged SYN
/// confused.
void Judge::settle_confusion(const Packet& packet) {
    if (packet.origin != Origin::socket || packet.segment.any(flag::syn | flag::rst)) return;
    const Facts* a = facts(0);
    const Facts* b = facts(1);
    const bool open = a != nullptr && b != nullptr && a->synchronized && b->synchronized;
    if (open && flow_.side[0].heard && flow_.side[1].heard) flow_.confused = false;
}

void Judge::note_numbers(Instant now, std::size_t sender, const tcp::Segment& s) {
    Passed& from = flow_.side[sender];
    const bool further = !from.numbered || after(s.end(), from.end);
    if (further) from.end = s.end();
    if (further && s.space() > 0) flow_.last_progress = now;
    from.numbered = true;
    // The window in a SYN is not scaled, and of a late SYN,ACK nobody takes it.
    const bool newest = s.any(flag::ack) && (!from.acked || !before(s.ack, from.ack));
    if (newest && !s.any(flag::syn)) from.window = s.window;
    if (!s.any(flag::ack) || (from.acked && !after(s.ack, from.ack))) return;
    flow_.last_progress = now;
    from.ack = s.ack;
    from.acked = true;
}

void Judge::check_gauges(Instant now) {
    const engine::Gauges g = engine_.gauges();
    for (const auto& role : g.sides) {
        std::uint64_t sum = 0;
        for (const std::uint64_t n : role)
            sum += n;
        if (sum != g.flows) fail(now, "the gauges of states do not add up to the flows");
    }
}

/// Numbers guessed by a third party change no claim; only a SYN may begin a flow where the last one is over.
void Judge::check_forgery(Instant now, const Flow& before, const Packet& packet) {
    const tcp::Segment& s = packet.segment;
    // Until the opening is complete any SYN may be the right one, or the peer's in a simultaneous open.
    if (s.any(flag::syn) && !s.any(flag::ack) && opening(before.claim)) flow_.confused = true;
    if (selective_) return;
    const bool nothing_known =
        before.claim[0] == tcp::State::unknown && before.claim[1] == tcp::State::unknown;
    if (before.foreign || flow_.foreign || nothing_known) return;
    if (flow_.confused) return;
    check_unchanged(now, before, s);
}

/// What both hosts drop changes nothing, but for a flow that begins with it, or was picked up midway: whether
/// that is signed is not known yet.
void Judge::check_signed(Instant now, const Flow& before, std::size_t sender, const Packet& packet) {
    ++tally_.forged;
    if (!before.known || !(before.id == flow_.id)) return begin_flow(sender, packet);
    if (flow_.adopted) flow_.tainted = true;
    if (!flow_.adopted && !flow_.foreign) check_unchanged(now, before, packet.segment);
}

void Judge::check_unchanged(Instant now, const Flow& before, const tcp::Segment& s) {
    if (before.claim != flow_.claim) fail(now, "a forged segment changed a claim: " + s.text());
    for (std::size_t host = 0; host < 2; ++host) {
        const engine::SideReport& was = before.numbers[host];
        const engine::SideReport& is = flow_.numbers[host];
        if (was.next != is.next || was.ack != is.ack || was.fin != is.fin)
            fail(now, "a forged segment changed a number: " + s.text());
    }
}

void Judge::ticked(Instant now) {
    const bool before = flow_.known;
    const engine::FlowId id = flow_.id;
    const std::array<tcp::State, 2> claim = flow_.claim;
    look(now);
    if (!before || !flow_.known) return;
    if (!(id == flow_.id)) fail(now, "time alone has begun a flow");
    // A FIN that could not be checked and that nobody acknowledges is dropped when its time is up.
    for (std::size_t host = 0; host < 2; ++host)
        if (selective_ && claim[host] == tcp::State::fin_wait_1 &&
            flow_.claim[host] == tcp::State::established)
            flow_.side[host].fin = false;
}

void Judge::ended(Instant now) {
    const engine::Gauges g = engine_.gauges();
    std::uint64_t left = g.flows + g.half_closed + g.fast_path;
    for (const auto& role : g.sides)
        for (const std::uint64_t n : role)
            left += n;
    if (left != 0) fail(now, "something stays in the table for ever");
}

const Facts* Judge::facts(std::size_t host) const {
    const Incarnation i = flow_.side[host].own;
    return i == kNone ? nullptr : &hosts_[host].facts(i);
}

bool Judge::gone(std::size_t host) const {
    const Facts* f = facts(host);
    return f == nullptr || f->death != Death::none;
}

}  // namespace finwait::sim
