#include "adoption.hpp"

#include "flow/key.hpp"
#include "host/addresses.hpp"
#include "host/memory_reserve.hpp"
#include "shard/clock.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
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
/// Sockets that conntrack does not know, which shards are told of at once.
constexpr std::size_t kBatch = 512;

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

engine::Hint hint_of(const engine::Adoptee& a) {
    using enum engine::Belief;
    const auto closed = a.closer == tcp::Role::client ? opener_closed : answerer_closed;
    return {a.client, a.server, a.closer ? closed : open};
}

std::size_t spread(const engine::Adoptee& a, std::size_t shards) {
    return flow::hash({}, flow::Key::of({a.client.address, 0}, {a.server.address, 0})) % shards;
}

}  // namespace

void Adoption::start(const machine::Facts& facts, const Reach& reach, std::function<void()> then) {
    then_ = std::move(then);
    begun_ = std::chrono::steady_clock::now();
    facts_ = facts;
    reach_ = reach;
    own_ = host::own_addresses();
    if (!reach_.own) return read_conntrack();
    own_connections_.emplace(own_, reach_.loopback, reach_.most);
    auto opened = host::SocketList::open();
    if (const auto* error = std::get_if<host::SocketError>(&opened)) {
        log_->warn("{}; those that are older than this start are not known", error->message);
        return read_conntrack();
    }
    sockets_ = std::get<host::SocketList>(std::move(opened));
    boost::asio::post(control_, [this] { read_sockets(); });
}

void Adoption::read_sockets() {
    auto piece = sockets_->next_piece();
    if (const auto* error = std::get_if<host::SocketError>(&piece)) {
        log_->warn("{}; not all that are older than this start are known", error->message);
        return read_conntrack();
    }
    const auto& listed = std::get<std::vector<host::ListedSocket>>(piece);
    if (listed.empty()) return read_conntrack();
    for (const host::ListedSocket& one : listed)
        own_connections_->add(one);
    boost::asio::post(control_, [this] { read_sockets(); });
}

void Adoption::read_conntrack() {
    sockets_.reset();
    for (auto* const socket : {&table_, &marker_}) {
        auto opened = netfilter::Conntrack::open();
        if (const auto* error = std::get_if<netfilter::ConntrackError>(&opened))
            return go_without_conntrack(*error);
        *socket = std::get<netfilter::Conntrack>(std::move(opened));
    }
    if (const auto error = table_->begin_dump()) return go_without_conntrack(*error);
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
    if (!table_) return place_rest();
    auto piece = table_->next_piece();
    if (const auto* error = std::get_if<netfilter::ConntrackError>(&piece))
        return go_without_conntrack(*error);
    const auto& entries = std::get<std::vector<Tracked>>(piece);
    if (entries.empty()) {
        table_.reset();
        return place_rest();
    }
    auto batch = std::make_shared<Batch>();
    for (const Tracked& tracked : entries)
        take_entry(tracked, *batch);
    sift(std::move(batch), 0);
}

/// A socket's own kernel is the better witness of its state.
void Adoption::take_entry(const Tracked& tracked, Batch& batch) {
    auto own =
        own_connections_ ? own_connections_->take(tracked.translation, shard::monotonic_now()) : std::nullopt;
    if (own) {
        own->opened = std::min(own->opened, shard::monotonic_now() - age_of(tracked));
        batch.push_back({*own, tracked.translation, tracked.mark, true});
    } else if (takes(tracked)) {
        batch.push_back({adoptee(tracked), tracked.translation, tracked.mark});
    }
}

/// Sockets whose connections conntrack has forgotten, or has never seen.
void Adoption::place_rest() {
    if (!own_connections_) return finish(problem_);
    const auto some = own_connections_->take_some(kBatch, shard::monotonic_now());
    if (some.empty()) return finish(problem_);
    auto batch = std::make_shared<Batch>();
    for (const engine::Adoptee& one : some)
        batch->push_back({one, {}, std::nullopt, true});
    sift(std::move(batch), 0);
}

void Adoption::go_without_conntrack(const netfilter::ConntrackError& problem) {
    problem_ = problem;
    table_.reset();
    place_rest();
}

/// Whether it is one that passes the forward hook and is not at its beginning or its end.
bool Adoption::takes(const Tracked& tracked) {
    if (!reach_.forwarded) return false;
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

/// Of a flow that it knows from before a restart the engine is told how its socket stands now.
bool Adoption::known_to(engine::Engine& engine, Instant now, const Candidate& one) {
    if (!engine.adopt_known(now, one.adoptee)) return false;
    if (one.own) static_cast<void>(engine.on_hint(now, now, hint_of(one.adoptee)));
    return true;
}

void Adoption::sift(std::shared_ptr<Batch> batch, std::size_t through) {
    if (through == shards_.size()) return place(std::move(batch), 0);
    const shard::Handle handle = shards_[through]->handle();
    handle.ask([this, batch = std::move(batch), through, wake = handle.wake](engine::Engine& engine,
                                                                             Instant now) mutable {
        const auto known =
            std::erase_if(*batch, [&](const Candidate& one) { return known_to(engine, now, one); });
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
        if (one.own) ++counts_.own_adopted;
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
    if (!one.adoptee.closer || !one.mark || (*one.mark & mark_) == mark_) return;
    if (marker_->mark(one.translation, mark_)) ++counts_.unmarked;
}

void Adoption::finish(const std::optional<netfilter::ConntrackError>& problem) {
    if (own_connections_) counts_.no_room += own_connections_->left_out();
    own_connections_.reset();
    table_.reset();
    marker_.reset();
    done_ = true;
    for (const Sought& sought : std::exchange(sought_, {}))
        find(sought);
    tell(problem);
    then_();
}

void Adoption::tell(const std::optional<netfilter::ConntrackError>& problem) const {
    const Counts& n = counts_;
    if (problem)
        log_->warn("{}; of the connections older than this start only the {} that were adopted are known",
                   problem->message, n.adopted);
    else
        log_->info(
            "adopted {} connections from conntrack{}, {} of them half-closed, in {:.2f} s; left out: {} "
            "known, {} of this machine's own, {} opening or over, {} without room (limits.flows)",
            n.adopted,
            reach_.own ? fmt::format(" and this machine's sockets ({} from these)", n.own_adopted) : "",
            n.half_closed, std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count(),
            n.known, n.own, n.opening_or_over, n.no_room);
    if (n.unmarked > 0)
        log_->warn(
            "{} half-closed connections could not be marked in conntrack: they are left alone until a FIN "
            "or RST passes",
            n.unmarked);
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
        const shard::Handle holder = shards_[i]->handle();
        holder.ask([finder, segment = sought.segment, wake = holder.wake](engine::Engine& engine,
                                                                          Instant now) {
            const auto adoptee = engine.hand_over(now, segment);
            if (!adoptee) return wake();
            finder.ask([adoptee = *adoptee, segment, wake = finder.wake](engine::Engine& to, Instant then) {
                to.take_in(then, adoptee, segment);
                wake();
            });
        });
    }
}

}  // namespace finwait::daemon
