#include "adoption.hpp"

#include "flow/key.hpp"
#include "host/addresses.hpp"
#include "host/memory_reserve.hpp"
#include "shard/clock.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <new>
#include <span>
#include <utility>

#include <boost/asio/post.hpp>

namespace finwait::daemon {

namespace {

using netfilter::Tracked;

/// Segments of unknown flows that may wait to be asked for.
constexpr std::uint32_t kMostWaiting = 4096;

/// A packet passed at the latest when the entry had its whole time before it.
Duration idle_of(const Tracked& tracked, const machine::Facts& facts) {
    const auto& whole = tracked.stage == Tracked::Stage::fin_wait ? facts.fin_wait : facts.close_wait;
    const bool tells = tracked.closer && !tracked.unacknowledged && whole;
    return tells ? std::max(*whole - tracked.left, Duration(0)) : Duration(0);
}

Duration age_of(const Tracked& tracked) {
    if (!tracked.begun) return Duration(0);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::max(std::chrono::duration_cast<Duration>(now) - *tracked.begun, Duration(0));
}

std::size_t spread(const engine::Adoptee& a, std::size_t shards) {
    return flow::hash({}, flow::Key::of({a.client.address, 0}, {a.server.address, 0})) % shards;
}

}  // namespace

void Adoption::start(const machine::Facts& facts, std::function<void()> then) {
    then_ = std::move(then);
    begun_ = std::chrono::steady_clock::now();
    facts_ = facts;
    own_ = host::own_addresses();
    for (auto* const socket : {&table_, &marker_}) {
        auto opened = netfilter::Conntrack::open();
        if (const auto* error = std::get_if<netfilter::ConntrackError>(&opened)) return finish(*error);
        *socket = std::get<netfilter::Conntrack>(std::move(opened));
    }
    if (const auto error = table_->begin_dump()) return finish(error);
    boost::asio::post(control_, [this] { step_surely(); });
}

/// What could not be read for want of memory is not known; what is known is followed.
void Adoption::step_surely() {
    try {
        step();
    } catch (const std::bad_alloc&) {
        host::note_no_memory();
        finish(netfilter::ConntrackError{"conntrack's table cannot be read: not enough memory"});
    }
}

/// One piece of the table; the next one when this one has found its shards.
void Adoption::step() {
    auto piece = table_->next_piece();
    if (const auto* error = std::get_if<netfilter::ConntrackError>(&piece)) return finish(*error);
    const auto& entries = std::get<std::vector<Tracked>>(piece);
    if (entries.empty()) return finish(std::nullopt);
    auto batch = std::make_shared<Batch>();
    for (const Tracked& tracked : entries)
        if (takes(tracked)) batch->push_back({adoptee(tracked), tracked.translation, tracked.mark});
    sift(std::move(batch), 0);
}

/// Whether it is one that passes the forward hook and is not at its beginning or its end.
bool Adoption::takes(const Tracked& tracked) {
    const netfilter::Translation& t = tracked.translation;
    const bool open = tracked.stage == Tracked::Stage::established || tracked.closer;
    if (own_.contains(t.opener.own.address) || own_.contains(t.answerer.own.address))
        ++counts_.own;
    else if (!open || t.opener.own == t.answerer.own)
        ++counts_.opening_or_over;
    else
        return true;
    return false;
}

engine::Adoptee Adoption::adoptee(const Tracked& tracked) const {
    const Instant now = shard::monotonic_now();
    const Duration idle = idle_of(tracked, facts_);
    return {tracked.translation.opener.own, tracked.translation.answerer.own, tracked.closer,
            now - std::max(idle, age_of(tracked)), now - idle};
}

void Adoption::sift(std::shared_ptr<Batch> batch, std::size_t through) {
    if (through == shards_.size()) return place(std::move(batch), 0);
    const shard::Handle handle = shards_[through]->handle();
    handle.ask([this, batch = std::move(batch), through, wake = handle.wake](engine::Engine& engine,
                                                                             Instant now) mutable {
        const auto known =
            std::erase_if(*batch, [&](const Candidate& one) { return engine.adopt_known(now, one.adoptee); });
        wake();
        boost::asio::post(control_, [this, batch = std::move(batch), through, known]() mutable {
            counts_.known += known;
            sift(std::move(batch), through + 1);
        });
    });
}

void Adoption::place(std::shared_ptr<Batch> batch, std::size_t in) {
    if (in == shards_.size()) return step_surely();
    std::vector<engine::Adoptee> share;
    for (const Candidate& one : *batch) {
        if (spread(one.adoptee, shards_.size()) != in) continue;
        mark(one);
        share.push_back(one.adoptee);
    }
    const shard::Handle handle = shards_[in]->handle();
    handle.ask([this, batch = std::move(batch), in, share = std::move(share), wake = handle.wake](
                   engine::Engine& engine, Instant now) mutable {
        Counts more;
        for (const engine::Adoptee& one : share) {
            const bool done = engine.adopt(now, one);
            ++(done ? more.adopted : more.no_room);
            if (done && one.closer) ++more.half_closed;
        }
        wake();
        boost::asio::post(control_, [this, batch = std::move(batch), in, more]() mutable {
            counts_.adopted += more.adopted;
            counts_.half_closed += more.half_closed;
            counts_.no_room += more.no_room;
            place(std::move(batch), in + 1);
        });
    });
}

/// What its sides answer must be queued.
void Adoption::mark(const Candidate& one) {
    if (!one.adoptee.closer || (one.mark & mark_) == mark_) return;
    if (marker_->mark(one.translation, mark_)) ++counts_.unmarked;
}

void Adoption::finish(const std::optional<netfilter::ConntrackError>& problem) {
    table_.reset();
    marker_.reset();
    done_ = true;
    for (const Sought& sought : std::exchange(sought_, {}))
        find(sought);
    const Counts& n = counts_;
    if (problem)
        log_->warn(
            "{}; connections older than this start are not known, but for {} that were adopted before it "
            "failed",
            problem->message, n.adopted);
    else
        log_->info(
            "adopted {} connections from conntrack, {} of them half-closed, in {:.2f} s; left out: {} known, "
            "{} of "
            "this machine's own, {} opening or over, {} without room (limits.flows)",
            n.adopted, n.half_closed,
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count(), n.known, n.own,
            n.opening_or_over, n.no_room);
    if (n.unmarked > 0)
        log_->warn(
            "{} half-closed connections could not be marked in conntrack: they are left alone until a FIN or "
            "RST passes",
            n.unmarked);
    then_();
}

void Adoption::seek(const shard::Shard& by, const tcp::Segment& segment) {
    const auto has = [&](const auto& shard) { return shard.get() != &by && shard->unheard() > 0; };
    if (done_ && std::ranges::none_of(shards_, has)) return;
    if (waiting_.fetch_add(1, std::memory_order_relaxed) >= kMostWaiting) {
        waiting_.fetch_sub(1, std::memory_order_relaxed);
        return;
    }
    const auto at = std::ranges::find_if(shards_, [&](const auto& shard) { return shard.get() == &by; });
    try {
        boost::asio::post(control_,
                          [this, sought = Sought{static_cast<std::size_t>(at - shards_.begin()), segment}] {
                              if (done_)
                                  find(sought);
                              else
                                  sought_.push_back(sought);  // its flow may be in what has not been read yet
                          });
    } catch (const std::bad_alloc&) {
        waiting_.fetch_sub(1, std::memory_order_relaxed);
        throw;
    }
}

/// Asks every other shard; the one that has the flow gives it away.
void Adoption::find(const Sought& sought) {
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    const shard::Handle finder = shards_[sought.by]->handle();
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        if (i == sought.by || shards_[i]->unheard() == 0) continue;
        shards_[i]->handle().ask([finder, segment = sought.segment](engine::Engine& engine, Instant now) {
            const auto adoptee = engine.hand_over(now, segment);
            if (!adoptee) return;
            finder.ask([adoptee = *adoptee, segment, wake = finder.wake](engine::Engine& to, Instant then) {
                to.take_in(then, adoptee, segment);
                wake();
            });
        });
    }
}

}  // namespace finwait::daemon
