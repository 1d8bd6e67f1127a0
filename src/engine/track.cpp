// Segments: finding or beginning their flow, moving it on, and the verdict.

#include "engine/impl.hpp"
#include "tcp/report.hpp"
#include "tcp/signing.hpp"

namespace finwait::engine {

namespace {

/// A flow on the fast path whose segments still arrive is told to the kernel again, but not more often than
/// this.
constexpr Duration kReleaseAgain = std::chrono::seconds(1);
/// A segment that follows one of the other direction this closely may have crossed it. Below any TCP's least
/// retransmission timeout (Linux: 200 ms).
constexpr Duration kCrossing = std::chrono::milliseconds(100);
/// Segments of which one step is taken for all before the next one: as many as arrive at once.
constexpr std::size_t kAhead = 64;

/// A loopback segment is seen once, when it leaves; its answers then show that its destination is here, too.
void note_way(flow::Record& record, const tcp::Segment& segment, Way way) {
    if (way == Way::leaving) record.set_local(segment.source);
    if (way == Way::arriving) record.set_local(segment.destination);
}

}  // namespace

Engine::Impl::Impl(Options options)
    : tuning(std::move(options.tuning)),
      options_(std::move(options)),
      table_(options_.max_flows, {options_.hash_key[0], options_.hash_key[1]}, options_.awake,
             *options_.memory),
      wheel_(options_.max_flows, *options_.memory),
      sources_(options_.max_flows, {options_.hash_key[0], options_.hash_key[1]}, *options_.memory),
      resets_(tuning.resets_per_second, options_.max_flows, *options_.memory),
      probes_(tuning.probes_per_second, options_.max_flows, *options_.memory),
      adoptions_(tuning.probes_per_second / 2),
      verify_pace_(kVerifiedPerSecond) {
    pending_.reserve(kMaxPendingEvents);
    hashes_.reserve(kAhead);
    if (tuning.half_closed_per_source > 0) sources_.prepare();
    set_policies();
}

void Engine::Impl::expect(std::span<const tcp::Segment> segments) {
    expected_ = segments;
    hashes_.resize(segments.size());
    for (std::size_t i = 0; i < segments.size(); ++i) {
        hashes_[i] = table_.hash_of(flow::Key::of(segments[i]));
        table_.prefetch_index(hashes_[i]);
    }
    std::array<std::uint32_t, kAhead> slots;
    for (std::size_t from = 0; from < segments.size(); from += kAhead) {
        const std::size_t count = std::min(segments.size() - from, kAhead);
        for (std::size_t i = 0; i < count; ++i)
            slots[i] = table_.prefetch_node(hashes_[from + i]);
        for (std::size_t i = 0; i < count; ++i)
            if (slots[i] != flow::kNoSlot) table_.prefetch_record(slots[i]);
    }
}

std::uint64_t Engine::Impl::hash_of(const tcp::Segment& segment, const flow::Key& key) const {
    // std::less orders pointers of whatever origin.
    const std::less<const tcp::Segment*> before;
    const tcp::Segment* const first = expected_.data();
    const bool expected = !before(&segment, first) && before(&segment, first + expected_.size());
    return expected ? hashes_[static_cast<std::size_t>(&segment - first)] : table_.hash_of(key);
}

Verdict Engine::Impl::on_segment(Instant now, const tcp::Segment& segment, Way way) {
    ++counters.packets_seen;
    if (segment.source == segment.destination) {
        ++counters.packets_invalid;
        return Verdict::accept;
    }
    const flow::Key key = flow::Key::of(segment);
    const std::uint32_t slot = table_.find(key, hash_of(segment, key));
    if (slot == flow::kNoSlot) return begin(now, key, segment, way);
    note_way(table_[slot], segment, way);
    const Verdict verdict = follow(now, slot, segment);
    if (table_.live(slot)) table_.lay_down(slot);
    return verdict;
}

Verdict Engine::Impl::follow(Instant now, std::uint32_t slot, const tcp::Segment& segment) {
    Record& record = table_[slot];
    if (record.unheard) note_heard(record);
    catch_up_with_losses(now, slot);
    const tcp::Role from = record.role_of(segment.source);
    const bool is_signed = tcp::is_signed(record.connection);
    const Before unread = before(record);
    const bool dropped = tcp::dropped_unread(record.connection, from, segment);
    if (is_signed) note_signing(now, slot, unread, segment);
    if (dropped) {
        ++counters.packets_invalid;
        note_led_astray(now, slot, segment);
        // An unsigned FIN in a signed flow: its answer tells whether the signed one was made up.
        return is_signed && segment.any(tcp::flag::fin) ? Verdict::accept : verdict_for(now, record);
    }
    if (tcp::in_doubt(record.connection)) check_position(now, slot, from, segment);
    const reaper::Heard heard = listen(now, slot, from, segment);
    if (heard == reaper::Heard::consume) {
        arm(slot, now);
        return Verdict::drop;
    }
    const Instant last_seen = record.last_seen;
    const Before earlier = before(record);
    const bool was_exact = tcp::exact(record.connection);
    const bool was_closed = record.half_closed && reaper::zero_window(record);
    const bool crossing = now - record.last_from[tcp::index(other(from))] < kCrossing;
    tcp::Advance advance = tcp::advance(record.connection, from, segment, crossing);
    if (advance.outcome == tcp::Outcome::invalid)
        if (const auto bridged = bridge_gap(slot, from, segment)) advance = *bridged;
    if (advance.outcome == tcp::Outcome::reopened) {
        record.connection.released = earlier.released;
        reopen(now, slot, from, segment);
        return Verdict::accept;
    }
    const flow::Phase phase = record.reaping.phase;
    // Who was asked for its numbers has told them, though not by an answer that could be recognised.
    if (phase == flow::Phase::probing && !was_exact && tcp::exact(record.connection)) arm(slot, now);
    // Whoever guesses numbers does not make anything look as if it had crossed.
    if (advance.outcome != tcp::Outcome::invalid) record.last_from[tcp::index(from)] = now;
    if (advance.outcome == tcp::Outcome::accepted)
        note_accepted(now, slot, segment, advance.progress);
    else
        ++counters.packets_invalid;
    if (heard == reaper::Heard::share && !advance.progress) record.last_seen = last_seen;
    if (advance.outcome == tcp::Outcome::invalid || advance.outcome == tcp::Outcome::challenge)
        note_led_astray(now, slot, segment);
    if (phase != flow::Phase::watching) tell_revival(now, slot, phase);
    settle(now, slot, earlier, &segment);
    if (advance.outcome == tcp::Outcome::retracted && tcp::report_open(record.connection))
        ask_early(now, slot);
    reaper::note_window(record, was_closed, now);
    if (record.reaping.urgent || reaper::awaits_moment(record)) arm(slot, now);
    if (tcp::reset_pending(record.connection)) arm(slot, deadline(record, stage(record)));
    return verdict_for(now, record);
}

/// A signed flow may have turned out to be an unsigned one.
void Engine::Impl::note_signing(Instant now, std::uint32_t slot, const Before& unread,
                                const tcp::Segment& segment) {
    settle(now, slot, unread, &segment);
    if (tcp::report_open(table_[slot].connection)) ask_early(now, slot);
}

/// What passed unseen was progress, nobody knows when: its time begins anew, and what it was asked with old
/// numbers counts for nothing.
void Engine::Impl::check_position(Instant now, std::uint32_t slot, tcp::Role from,
                                  const tcp::Segment& segment) {
    Record& record = table_[slot];
    const Before earlier = before(record);
    const tcp::Finding found = tcp::check_position(record.connection, from, segment);
    if (found == tcp::Finding::nothing || found == tcp::Finding::confirmed) return;
    record.last_progress = now;
    reaper::revive(record);
    settle(now, slot, earlier, &segment);
    arm(slot, deadline(record, stage(record)));
    // The other side's numbers are in doubt still. Linux answers twice a second at most.
    if (found != tcp::Finding::caught_up) verify_soon(slot, now + reaper::kQuiet);
}

/// On the fast path conntrack decides what is seen. Once a FIN has passed it believes any RST, and after that
/// the next SYN begins another connection for it: what the ends, who believed neither, go on sending may be
/// invalid to it then, and is not queued. So nothing more is certain before both have been heard again.
void Engine::Impl::note_led_astray(Instant now, std::uint32_t slot, const tcp::Segment& segment) {
    Record& record = table_[slot];
    if (!options_.selective || !record.half_closed || !segment.any(tcp::flag::rst | tcp::flag::syn)) return;
    record.astray = true;
    tcp::note_gap(record.connection);
    if (record.reaping.phase == flow::Phase::resetting) reaper::revive(record);
    arm(slot, std::max(now, deadline(record, stage(record))));
}

void Engine::Impl::note_accepted(Instant now, std::uint32_t slot, const tcp::Segment& segment,
                                 bool progress) {
    Record& record = table_[slot];
    record.last_seen = now;
    record.mark[tcp::index(record.role_of(segment.source))] = segment.mark;
    if (!progress) return;
    if (record.half_closed) record.longest_idle = std::max(record.longest_idle, now - record.last_progress);
    record.last_progress = now;
    sources_.progress(slot);
    const bool rst = segment.any(tcp::flag::rst);
    if (record.reaping.recorded && !rst) {
        // After a kill, or once `enforce` probes or resets it, what it does is no longer what observe would
        // see.
        if (record.reaping.phase == flow::Phase::watching) ++policy_counts_[record.policy].regret;
        record.reaping.recorded = false;
        arm(slot, deadline(record, stage(record)));
    }
    record.reaping.not_before = Instant();
    // A flow that comes back to life while it is asked, or goes on in spite of RSTs, is left alone at once.
    // An RST is no sign of life.
    if (!rst && reaper::undecided(record, record.role_of(segment.source))) reaper::revive(record);
}

/// A segment that belongs to no flow: begins one, unless nothing can begin with it or the table is full.
Verdict Engine::Impl::begin(Instant now, const flow::Key& key, const tcp::Segment& segment, Way way) {
    if (!segment.any(tcp::flag::syn)) ++counters.strangers;
    const std::optional<tcp::Opened> opened = tcp::open(segment);
    if (!opened) return Verdict::accept;
    const std::uint32_t slot = make_room(now, key);
    if (slot == flow::kNoSlot) {
        ++counters.packets_untracked;
        return Verdict::accept;
    }
    place(now, slot, *opened, segment);
    note_way(table_[slot], segment, way);
    return verdict_for(now, table_[slot]);
}

void Engine::Impl::reopen(Instant now, std::uint32_t slot, tcp::Role from, const tcp::Segment& segment) {
    const tcp::Opened opened = tcp::reopen(table_[slot].connection, from, segment);
    const flow::Key key = table_[slot].key;
    const bool low_is_local = table_[slot].low_is_local;
    const bool high_is_local = table_[slot].high_is_local;
    erase(now, slot);
    const std::uint32_t fresh = table_.insert(key);
    place(now, fresh, opened, segment);
    table_[fresh].low_is_local = low_is_local;
    table_[fresh].high_is_local = high_is_local;
}

void Engine::Impl::place(Instant now, std::uint32_t slot, const tcp::Opened& opened,
                         const tcp::Segment& segment) {
    Record& record = table_[slot];
    record.connection = opened.connection;
    record.client_is_low = (segment.source == record.key.low) == (opened.sender == tcp::Role::client);
    record.opened = record.last_seen = record.last_progress = now;
    record.last_from = {now - kCrossing, now - kCrossing};
    record.last_from[tcp::index(opened.sender)] = now;
    record.mark[tcp::index(opened.sender)] = segment.mark;
    record.losses = losses_;
    ++(opened.connection.adopted ? counters.flows_adopted : counters.flows_opened);
    enter(now, slot);
    for (const tcp::Role role : {tcp::Role::client, tcp::Role::server}) {
        const tcp::State state = record.connection.of(role).state;
        if (state != tcp::State::closed && state != tcp::State::unknown) note_step(now, slot, role, &segment);
    }
}

/// Counts a fresh record, and gives it its policy, its shelf and its timer.
void Engine::Impl::enter(Instant now, std::uint32_t slot) {
    Record& record = table_[slot];
    count_states(record.connection, 1);
    ++policy_counts_[0].flows;
    match_policy(now, record);
    if (options_.observer != nullptr) options_.observer->began(report(now, slot));
    const Stage s = stage(record);
    record.half_closed = s == Stage::half_closed;
    if (record.half_closed) note_half_closed(now, slot);
    table_.shelve(slot, shelf_for(s));
    note_fill();
    arm(slot, deadline(record, s));
}

/// A slot for a new flow; what is finished or never got past its handshake gives way.
std::uint32_t Engine::Impl::make_room(Instant now, const flow::Key& key) {
    const std::uint32_t slot = table_.insert(key);
    if (slot != flow::kNoSlot) return slot;
    std::uint32_t victim = table_.oldest(flow::Shelf::finished);
    if (victim == flow::kNoSlot) victim = table_.oldest(flow::Shelf::provisional);
    if (victim == flow::kNoSlot) return flow::kNoSlot;
    ++counters.flows_evicted;
    erase(now, victim);
    return table_.insert(key);
}

void Engine::Impl::erase(Instant now, std::uint32_t slot) {
    const Record& record = table_[slot];
    if (options_.observer != nullptr) options_.observer->ended(report(now, slot));
    count_states(record.connection, -1);
    const bool left_alone = record.reaping.phase == flow::Phase::watching;
    if (record.reaping.recorded && left_alone) ++policy_counts_[record.policy].right;
    if (record.half_closed) sources_.remove(slot);
    --policy_counts_[record.policy].flows;
    if (record.half_closed) count_half_closed_no_more(record);
    if (record.connection.released) --released_now_;
    if (record.unheard) --unheard_now_;
    if (options_.silent_losses) odd_.erase(slot);
    wheel_.cancel(slot);
    table_.erase(slot);
    note_fill();
}

Verdict Engine::Impl::verdict_for(Instant now, Record& record) {
    tcp::Connection& c = record.connection;
    if (!options_.selective || record.reaping.phase != flow::Phase::watching || record.reaping.requested)
        return Verdict::accept;
    if (c.released ? now < record.released_at + kReleaseAgain : !tcp::established(c)) return Verdict::accept;
    if (!c.released) ++released_now_;
    tcp::release(c);
    record.released_at = now;
    return Verdict::release;
}

bool Engine::Impl::spared(Instant now, const Record& record) const {
    if (!tuning.spare || !(record.low_is_local || record.high_is_local)) return false;
    const bool by_default = record.policy + 1U == tuning.policies.size();
    return by_default && tuning.spare->matches(subject(now, record));
}

}  // namespace finwait::engine
