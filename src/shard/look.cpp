#include "shard/look.hpp"

#include "host/addresses.hpp"
#include "machine/conntrack_clock.hpp"
#include "shard/clock.hpp"

#include <chrono>
#include <thread>
#include <utility>

namespace finwait::shard {
namespace {

using engine::Belief;
using netfilter::Tracked;

/// Entries that a shard is told of at once: packets wait for no more.
constexpr std::size_t kBatch = 512;
/// Connections that are stirred in one look; the next one stirs others.
constexpr std::size_t kMostStirred = 1000;
constexpr std::uint32_t kAnyMark = 0;
constexpr auto kBetweenStirs = std::chrono::milliseconds(1);

Belief belief_of(const Tracked& entry) {
    using enum Tracked::Stage;
    switch (entry.stage) {
        case established: return Belief::open;
        case close_wait:
            if (!entry.closer) break;
            return *entry.closer == tcp::Role::client ? Belief::opener_closed : Belief::answerer_closed;
        case time_wait: return Belief::over;
        case closed: return Belief::reset;
        case opening:
        case fin_wait:
        case last_ack: break;
    }
    return Belief::unsure;
}

bool half_closed(Belief belief) {
    return belief == Belief::opener_closed || belief == Belief::answerer_closed;
}

}  // namespace

bool just_seen(const Tracked& entry, std::chrono::seconds established) {
    // It counts in whole seconds. With data on its way another timeout may be in force.
    constexpr std::chrono::seconds kJustNow(1);
    return entry.stage == Tracked::Stage::established && !entry.unacknowledged && established.count() > 0 &&
           entry.left + kJustNow >= established;
}

std::optional<netfilter::ConntrackError> Look::take() {
    auto conntrack = netfilter::Conntrack::open();
    if (auto* error = std::get_if<netfilter::ConntrackError>(&conntrack)) return std::move(*error);
    const Instant begun = monotonic_now();
    batch_begun_ = begun;
    own_addresses_ = host::own_addresses();
    stirred_ = 0;
    sees_ours_ = false;
    established_ = machine::established_timeout();
    batch_.clear();
    if (auto error = std::get<netfilter::Conntrack>(conntrack).list(
            kAnyMark, [this](const Tracked& entry) { return add(entry); }))
        return error;
    tell();
    // Where no rule asks for it, conntrack tracks nothing, though entries from before may be left: then that
    // it does not know a flow means nothing.
    if (stop_ || !sees_ours_) return std::nullopt;
    for (const auto& shard : shards_)
        shard->handle().ask([begun](engine::Engine& engine, Instant) { engine.on_hints_complete(begun); });
    return std::nullopt;
}

bool Look::add(const Tracked& entry) {
    if (batch_.empty()) seen_ = std::exchange(batch_begun_, monotonic_now());
    const netfilter::Translation& t = entry.translation;
    batch_.push_back({{t.opener.own, t.answerer.own, belief_of(entry)},
                      t,
                      tracks_ == Tracks::by_our_rules || just_seen(entry, established_)});
    if (batch_.size() >= kBatch) tell();
    return !stop_;
}

/// The next entries are read when all shards have answered.
void Look::tell() {
    std::vector<engine::Hint> hints;
    for (const Seen& seen : batch_)
        hints.push_back(seen.hint);
    const auto known = poll(shards_, stop_, std::move(hints),
                            [seen = seen_](engine::Engine& engine, Instant now, const engine::Hint& hint) {
                                return engine.on_hint(now, seen, hint);
                            });
    if (!known) return;
    for (std::size_t n = 0; n < batch_.size(); ++n) {
        sees_ours_ = sees_ours_ || ((*known)[n] && batch_[n].fresh);
        if (!(*known)[n] && half_closed(batch_[n].hint.belief)) stir(batch_[n]);
    }
    batch_.clear();
}

/// An empty ACK whose numbers are far off, to both sides in the other's name: a live TCP answers it and does
/// nothing else (RFC 9293 section 3.10.7.4). By its answer the shard it comes to learns of the connection.
void Look::stir(const Seen& seen) {
    const netfilter::Translation& t = seen.translation;
    const bool own = own_addresses_.contains(t.opener.own.address) ||
                     own_addresses_.contains(t.opener.shown.address) ||
                     own_addresses_.contains(t.answerer.own.address);
    if (own || stirred_ >= kMostStirred || shards_.empty() || stop_) return;
    ++stirred_;
    std::vector<egress::OutgoingSegment> segments(2);
    segments[0].segment.source = segments[1].segment.destination = t.opener.own;
    segments[0].segment.destination = segments[1].segment.source = t.answerer.own;
    for (auto& [s, shown] : segments) {
        shown = s.source;
        s.flags = tcp::flag::ack;
        s.seq = tcp::Seq(static_cast<std::uint32_t>(random_()) << 1U);
        s.ack = tcp::Seq(static_cast<std::uint32_t>(random_()) << 1U);
        t.apply(s);
    }
    shards_[stirred_ % shards_.size()]->stir(std::move(segments));
    std::this_thread::sleep_for(kBetweenStirs);
}

}  // namespace finwait::shard
