#include "shard/wire.hpp"

#include "host/memory_reserve.hpp"
#include "shard/clock.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace finwait::shard {
namespace {

/// Segments that wait for a search; more are given up.
constexpr std::size_t kMostKept = 16384;
constexpr Duration kComplainEvery = std::chrono::minutes(1);

const std::string kHeldBack = "probes and resets are held back, because nobody knows their addresses: ";
const std::string kUnproven =
    "probes and resets are held back, because nothing has been heard of their connections since routing "
    "rules "
    "were read that may concern them (finwaitctl check --system names these)";
const std::string kRefused =
    "the kernel refuses to send probes or resets: there is no route, or a rule in OUTPUT drops them (they "
    "carry "
    "mark_mask as packet mark, and conntrack calls them UNTRACKED)";
const std::string kQueueFull =
    "this machine's own queue (qdisc) is full and has dropped probes or resets: they are sent again later "
    "(\"tc -s qdisc\" shows which one)";

void count(std::atomic<std::uint64_t>& counter) {
    counter.fetch_add(1, std::memory_order_relaxed);
}

/// An application that waits in FIN_WAIT_2 holds its socket; without one nobody reads any more.
flow::Evidence word_of(const std::optional<host::Socket>& socket) {
    if (!socket) return flow::Evidence::gone;
    const bool closed_first =
        socket->state == tcp::State::fin_wait_1 || socket->state == tcp::State::fin_wait_2;
    return closed_first && socket->orphaned ? flow::Evidence::orphan : flow::Evidence::alive;
}

}  // namespace

void Wire::translate(netfilter::Conntrack conntrack, inject::Injector tracked, Complain complain) {
    conntrack_ = std::move(conntrack);
    tracked_ = std::move(tracked);
    complain_ = std::move(complain);
    kept_.reserve(kMostKept);
    search_.prepare();
}

void Wire::know_own_sockets(host::Sockets sockets, Complain complain) {
    sockets_ = std::move(sockets);
    complain_ = std::move(complain);
}

void Wire::send(Instant now, const engine::Send& order) {
    if (distrusted_until_ != Instant::never() && engine_.quiet_since(distrusted_until_, order.flow)) {
        give_up(order);
        return complain(now, kUnproven);
    }
    if (!conntrack_) return put({}, order);
    const Translations::Entry entry = known_.of(now, order.flow);
    switch (entry.state) {
        case State::unknown: return look_up(now, order);
        case State::sought:
        case State::checked: return keep(now, order);
        case State::none:
            if (mark_ != 0 && look_again(now, order)) return;
            return put(entry, order);
        case State::found: return send_known(now, order, entry);
    }
}

/// An entry that is gone has nothing of which our bits could be missing; the answer to a probe makes a new
/// one.
void Wire::send_known(Instant now, const engine::Send& order, const Translations::Entry& entry) {
    if (mark_ == 0) return put(entry, order);
    const auto answer = conntrack_->look(entry.translation);
    if (const auto* error = std::get_if<netfilter::ConntrackError>(&answer)) {
        give_up(order);
        return complain(now, kHeldBack + error->message);
    }
    const auto& current = std::get<std::optional<netfilter::Translation>>(answer);
    if (!current || seen(now, order, *current)) put(entry, order);
}

/// Of a flow that conntrack did not know: whether it does by now, and the segment is seen to.
bool Wire::look_again(Instant now, const engine::Send& order) {
    const auto answer = conntrack_->find(order.segment.source, order.segment.destination);
    const auto* found = std::get_if<std::optional<netfilter::Translation>>(&answer);
    if (found == nullptr || !*found) return false;
    take_found(now, order, **found);
    return true;
}

/// By NAT two connections may have the same two ends at the forward hook (one client port, two addresses that
/// lead to one server port). conntrack then gives the second another source port behind the hook, so that
/// only search() finds that one. So where conntrack has seen no FIN of what find() has found, it may be the
/// wrong one of two.
void Wire::take_found(Instant now, const engine::Send& order, const netfilter::Translation& found) {
    const tcp::Segment& segment = order.segment;
    const bool closing = order.to_local || engine_.half_closed(segment.source, segment.destination);
    const Translations::Entry entry{found.open && closing ? State::checked : State::found, now, found};
    known_.set(order.flow, entry);
    if (entry.state == State::checked) {
        search_.add(segment.source, segment.destination);
        keep(now, order);
    } else if (seen(now, order, found)) {
        put(entry, order);
    }
}

/// Where our bits are missing in a connection's mark, somebody has flushed conntrack or written the mark: its
/// segments have passed unseen, and answers would. They are set again, and the flow is asked anew where it
/// stands. So it is where forged RSTs and SYNs have led conntrack astray: what the sides say may be invalid
/// then, and nobody's silence means anything.
bool Wire::seen(Instant now, const engine::Send& order, const netfilter::Translation& connection) {
    if (connection.shifted || connection.shared) {
        engine_.on_ambiguous(order.flow,
                             connection.shifted ? flow::Ambiguity::numbers : flow::Ambiguity::ends);
        count(counts_.not_sent);
        return false;
    }
    if (doubted_ == order.flow) {
        give_up(order);
        return false;
    }
    const bool marked = (connection.mark & mark_) == mark_;
    // What our own RSTs, or those of a socket that we have ended here, have made of it does not count.
    const bool by_us = order.after_reset || told_ == order.flow;
    if (marked && (!connection.astray || by_us)) return true;
    if (!marked)
        if (const auto error = conntrack_->mark(connection, mark_)) complain(now, kHeldBack + error->message);
    const bool makes_sure = order.after_reset && !order.segment.any(tcp::flag::rst);
    if (makes_sure || order.guessed) return true;
    if (!engine_.on_unseen(now, order.flow)) return true;
    doubted_ = order.flow;
    give_up(order);
    return false;
}

void Wire::send_as_they_are(std::span<const Ready> segments) {
    for (const Ready& ready : segments)
        injector_.add(ready.segment, ready.origin, {});  // whatever becomes of it, it is no flow's
    flush();
}

std::optional<netfilter::Translation> Wire::translation(Instant now, engine::FlowId flow) {
    const Translations::Entry entry = known_.of(now, flow);
    if (entry.state != State::found) return std::nullopt;
    return entry.translation;
}

void Wire::look_up(Instant now, const engine::Send& order) {
    const tcp::Segment& segment = order.segment;
    const auto answer = conntrack_->find(segment.source, segment.destination);
    if (const auto* error = std::get_if<netfilter::ConntrackError>(&answer)) {
        give_up(order);
        return complain(now, kHeldBack + error->message);
    }
    if (const auto& found = std::get<std::optional<netfilter::Translation>>(answer))
        return take_found(now, order, *found);
    if (conntrack_->empty()) {
        const Translations::Entry entry{State::none, now, {}};
        known_.set(order.flow, entry);
        return put(entry, order);
    }
    search_.add(segment.source, segment.destination);
    known_.set(order.flow, {State::sought, now, {}});
    keep(now, order);
}

void Wire::keep(Instant now, const engine::Send& order) {
    if (kept_.size() >= kMostKept) return give_up(order);
    kept_.push_back({order, now});
    engine_.hold(now, order.flow);
}

/// A probe of a connection that conntrack does not know makes it known again; otherwise an RST that answers
/// it would be invalid, and never be queued. With numbers that are made up conntrack would get to know
/// another connection.
void Wire::put(const Translations::Entry& entry, const engine::Send& order) {
    tcp::Segment segment = order.segment;
    if (entry.state == State::found) entry.translation.apply(segment);
    if (order.to_local && sockets_) return put_here(entry, order, segment);
    const bool rst = segment.any(tcp::flag::rst);
    if (rst && told_ == order.flow) return;
    if (entry.state == State::none) {
        if (order.guessed) return give_up(order);
        count(counts_.no_entry);
    }
    const tcp::Endpoint shown = order.segment.source;
    if (segment.source != shown) count(counts_.translated);
    // Routes are chosen before a source is translated.
    (entry.state != State::none || rst ? injector_ : *tracked_).add(segment, shown.address, order.segment);
}

void Wire::note_half_closed(Instant now, const engine::Event& event) {
    look_for_own_sockets(now, event);
    make_sure_of_mark(now, event);
}

/// Of a connection that conntrack did not know at its FIN, the entry began behind that and has no mark. What
/// came back since then may have passed unseen.
void Wire::make_sure_of_mark(Instant now, const engine::Event& half_closed) {
    if (!conntrack_ || mark_ == 0) return;
    const auto answer = conntrack_->find(half_closed.client, half_closed.server);
    const auto* found = std::get_if<std::optional<netfilter::Translation>>(&answer);
    if (found == nullptr || !*found || ((*found)->mark & mark_) == mark_) return;
    if (conntrack_->mark(**found, mark_)) return;  // it is tried again before a segment leaves
    static_cast<void>(engine_.on_unseen(now, half_closed.id));
}

/// A socket that is there under these names is known by them, and will be gone when it is not there any more.
/// conntrack need not know the flow for that.
void Wire::look_for_own_sockets(Instant now, const engine::Event& half_closed) {
    if (!sockets_) return;
    const std::array ends{half_closed.client, half_closed.server};
    for (const std::size_t i : {0U, 1U}) {
        const auto answer = sockets_->find(ends[i], ends[1U - i]);
        const auto* socket = std::get_if<std::optional<host::Socket>>(&answer);
        if (socket != nullptr && *socket) return known_.note_socket(now, half_closed.id);
    }
}

/// What a probe would find out, the kernel says. For numbers that nobody knows any more one is sent even so;
/// a socket that is bound to a device would not get it, and an RST would answer. That there is none proves
/// nothing while NAT may have shown it its peer under another name, unless it was found before.
void Wire::put_here(const Translations::Entry& entry, const engine::Send& order,
                    const tcp::Segment& segment) {
    if (segment.any(tcp::flag::rst)) {
        if (!end_here(order, segment)) injector_.add(segment, order.segment.source.address, order.segment);
        return;
    }
    const Instant now = monotonic_now();
    const auto answer = sockets_->find(segment.destination, segment.source);
    if (const auto* error = std::get_if<host::SocketError>(&answer)) {
        give_up(order);
        return complain(now, error->message);
    }
    const auto& socket = std::get<std::optional<host::Socket>>(answer);
    if (socket && entry.state != State::found) known_.note_socket(now, order.flow);
    if (socket && socket->device == 0 && order.for_numbers)
        return injector_.add(segment, order.segment.source.address, order.segment);
    const bool found_before = known_.of(now, order.flow).socket_found;
    const bool by_known_names = entry.state == State::found || found_before || order.after_reset;
    if (!socket && !by_known_names) return give_up(order);
    engine_.on_word(now, order.flow, order.segment.destination, word_of(socket));
}

/// False where only an RST can end the socket. What is there no more needs none.
bool Wire::end_here(const engine::Send& order, const tcp::Segment& segment) {
    if (!sockets_->can_end()) return false;
    const auto answer = sockets_->find(segment.destination, segment.source);
    const auto* socket = std::get_if<std::optional<host::Socket>>(&answer);
    if (socket == nullptr) return false;
    if (!*socket) return true;
    const host::Ended ended = sockets_->end(segment.destination, segment.source, **socket);
    if (ended == host::Ended::no) return false;
    count(counts_.ended);
    if (ended == host::Ended::with_rst) told_ = order.flow;
    return true;
}

void Wire::give_up(const engine::Send& order, bool just_made) {
    count(counts_.not_sent);
    engine_.on_unsent(monotonic_now(), order.segment, just_made);
}

void Wire::complain(Instant now, const std::string& problem) {
    if (!complain_) return;
    if (complained_ != Instant::never() && now < complained_ + kComplainEvery) return;
    complained_ = now;
    complain_(problem);
}

void Wire::take(const Search::Result& result) {
    const Instant now = monotonic_now();
    if (result.error) complain(now, kHeldBack + result.error->message);
    // Those that wait for the next search stay, in their places.
    std::size_t left = 0;
    for (std::size_t i = 0; i < kept_.size(); ++i) {
        const Kept kept = kept_[i];
        const auto at =
            result.wanted.find(std::minmax(kept.order.segment.source, kept.order.segment.destination));
        if (at == result.wanted.end())
            kept_[left++] = kept;
        else
            take_one(now, result, kept, at->second);
    }
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(left), kept_.end());
    flush();
}

void Wire::take_one(Instant now, const Search::Result& result, const Kept& kept,
                    const std::optional<netfilter::Translation>& found) {
    const engine::Send& order = kept.order;
    const Translations::Entry before = known_.of(now, order.flow);
    engine_.let_go(now, order.flow);
    if (result.error || before.state == State::unknown) {
        known_.forget(order.flow);
        return give_up(order, false);
    }
    const Translations::Entry entry = outcome(now, before, found);
    try {
        known_.set(order.flow, entry);
        let_go(kept, entry);
    } catch (const std::bad_alloc&) {
        host::note_no_memory();
        known_.forget(order.flow);
        give_up(order, false);
    }
}

/// What is known of a flow after a search.
Translations::Entry Wire::outcome(Instant now, const Translations::Entry& before,
                                  const std::optional<netfilter::Translation>& found) {
    if (before.state == State::found) return before;  // by an earlier segment of the same search
    if (before.state != State::checked)
        return {found ? State::found : State::none, now, found.value_or(netfilter::Translation())};
    Translations::Entry entry{State::found, now, before.translation};
    entry.translation.shared = found && (found->shared || found->entry != before.translation.entry);
    return entry;
}

/// A reset is exact and harmless as long as nothing has passed since it was made.
void Wire::let_go(const Kept& kept, const Translations::Entry& entry) {
    const engine::Send& order = kept.order;
    const bool doubtful = engine_.on_hold() || !engine_.quiet_since(kept.since, order.flow);
    if (order.segment.any(tcp::flag::rst) && doubtful)
        give_up(order, false);
    else if (entry.state != State::found || seen(monotonic_now(), order, entry.translation))
        put(entry, order);
}

void Wire::note_unsent(inject::Injector& injector) {
    const std::vector<inject::Unsent> unsent = injector.take_unsent();
    if (unsent.empty()) return;
    const Instant now = monotonic_now();
    bool any_full = false;
    bool any_refused = false;
    for (const auto& [segment, reason] : unsent) {
        const bool full = reason == inject::Reason::queue_full;
        count(full ? counts_.queue_full : counts_.refused);
        (full ? any_full : any_refused) = true;
        engine_.on_unsent(now, segment);
    }
    // Last: there may be no memory for a line in the log.
    if (any_full) complain(now, kQueueFull);
    if (any_refused) complain(now, kRefused);
}

void Wire::flush() {
    told_.reset();
    doubted_.reset();
    injector_.flush();
    if (tracked_) tracked_->flush();
    note_unsent(injector_);
    if (tracked_) note_unsent(*tracked_);
    search_.start();
}

}  // namespace finwait::shard
